import { readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { EpochMs } from '../der/time.ts'
import type { Certificate } from '../x509/certificate.ts'
import { findIssuer } from '../x509/issuer.ts'
import type { Bundle } from './bundle.ts'
import { type FileContents, readCertificateFile } from './file.ts'
import { fileNameKind } from './file-name.ts'
import { assemble, type HeldCertificates, nextChange } from './snapshot.ts'
import { isWithin, type Snapshot } from './source.ts'
import { type Listing, listFiles } from './walk.ts'

/** What one look at all paths gave. */
export interface Scan {
  /** Whether the snapshot differs from the one before. */
  readonly changed: boolean
  /** Whether something seems lost that may only be in the middle of being rewritten: look again soon. */
  readonly unsettled: boolean
  /** Folders whose changes matter. */
  readonly folders: ReadonlySet<string>
  /** What was found, put together anew: no copy is kept, as it takes as much memory as all else here. */
  readonly snapshot: () => Promise<Snapshot>
}

/**
 * Looks at the given paths again and again, and remembers what they held, so that only files that changed are read.
 *
 * Three states of a remembered file:
 * - *present*: as last read.
 * - *unreadable* (permission, input/output error, or a given path that is gone as a whole): keeps its certificates, with a
 *   problem. An unmounted volume must not empty the schedule.
 * - *lost* (removed from a folder that can be read, or read with problems that it did not have): keeps its certificates until
 *   the next scan says the same, as it may be in the middle of being rewritten.
 */
export class CertificateScanner {
  readonly #paths: readonly string[]
  readonly #files = new Map<string, RememberedFile>()
  readonly #roots = new Map<string, string>()
  #last: LastScan | undefined

  /** `paths`: files and folders; relative ones are resolved against the working directory, once. */
  constructor(paths: readonly string[]) {
    this.#paths = [...new Set(paths.map((path) => resolve(path)))]
  }

  /** Looks at everything once; never rejects. Not to be called again before it has resolved. */
  async scan(now: EpochMs): Promise<Scan> {
    const listing = await listFiles(this.#paths)
    this.#noteVanishedRoots(listing)
    const round: Round = { listing, changed: false, unsettled: false }
    await several(listing.files, ([path, from]) => this.#readFile(round, path, from))
    await this.#readBeside(round)
    this.#forgetRemoved(round)
    const { problems, unreadable, folders } = listing
    problems.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    unreadable.sort()
    const summary = JSON.stringify([problems, unreadable])
    const last = this.#last
    const clockMoved = last !== undefined && (now < last.at || (last.changesAt ?? now + 1) <= now)
    const same = !round.changed && !clockMoved && summary === last?.summary
    const changesAt = same ? last.changesAt : nextChange(this.#leaves(), now)
    this.#last = { changesAt, at: now, summary }
    return {
      ...{ changed: !same, unsettled: round.unsettled, folders },
      snapshot: async () => ({
        certificates: await assemble([...this.#files].map(held), now),
        problems,
        unreadable,
      }),
    }
  }

  *#leaves(): Generator<Certificate> {
    for (const file of this.#files) yield* held(file).leaves
  }

  /** A mount point without its volume is an empty folder on another file system: as good as unreadable. */
  #noteVanishedRoots({ roots, problems, unreadable }: Listing): void {
    for (const [path, { identity, empty }] of roots) {
      const before = this.#roots.get(path)
      if (empty && before !== undefined && before !== identity) {
        problems.push({ path, problem: NOT_MOUNTED })
        unreadable.push(path)
      } else this.#roots.set(path, identity)
    }
  }

  async #readFile(round: Round, path: string, from: RememberedFile['from']): Promise<void> {
    const known = this.#files.get(path)
    const contents = await readCertificateFile(
      path,
      known?.from === from ? known.version : undefined,
    )
    const { problems, unreadable } = round.listing
    if (contents.kind === 'unreadable' || (contents.kind === 'absent' && from === 'given')) {
      problems.push({ path, problem: contents.problem })
      unreadable.push(path)
      return
    }
    // Absent: removed since the folder was listed.
    if (contents.kind === 'absent') return this.#lose(round, path)
    if (contents.kind === 'read') this.#remember(round, path, { contents, from, known })
    else if (known !== undefined) known.lost = false
    // Of a file that seems lost for now, this is what it held before.
    const { bundle } = this.#files.get(path) ?? {}
    for (const problem of bundle?.problems ?? []) {
      if (isReported(path, from, bundle?.holds)) problems.push({ path, problem })
    }
  }

  #remember(round: Round, path: string, { contents, from, known }: Reading): void {
    const { bundle, version } = contents
    const worse =
      bundle.problems.length > 0 && known !== undefined && known.bundle.problems.length === 0
    if (worse && !known.lost) {
      known.lost = true
      round.unsettled = true
      return
    }
    this.#files.set(path, { bundle, version, from, lost: false })
    round.changed = true
  }

  /** The issuer may stand in another file of the folder of a file that was given by name: HAProxy's `.issuer`, certbot's `chain.pem`. */
  async #readBeside(round: Round): Promise<void> {
    const { files } = round.listing
    const folders = new Set<string>()
    for (const [path, { bundle, from }] of this.#files) {
      const isAlone = (leaf: Bundle['leaves'][number]) => !findIssuer(leaf, bundle.issuers)
      if (from === 'given' && bundle.leaves.some(isAlone)) folders.add(dirname(path))
    }
    for (const folder of folders) {
      const names = await readdir(folder).catch(() => [])
      const paths = names.filter(mayHoldIssuer).sort().slice(0, MAX_BESIDE)
      const unseen = paths.map((name) => join(folder, name)).filter((path) => !files.has(path))
      // A round of its own listing: what is wrong with a file that nobody gave is nobody's problem.
      const listing = { ...round.listing, problems: [], unreadable: [] }
      const beside: Round = { ...round, listing }
      await several(unseen, (path) => this.#readFile(beside, path, 'beside'))
      // Listed now, so that they are not taken for removed.
      for (const path of unseen) files.set(path, 'folder')
      round.changed ||= beside.changed
    }
  }

  #forgetRemoved(round: Round): void {
    const { files, unreadable } = round.listing
    for (const path of this.#files.keys()) {
      const kept = files.has(path) || unreadable.some((gone) => isWithin(path, gone))
      if (!kept) this.#lose(round, path)
    }
  }

  #lose(round: Round, path: string): void {
    const known = this.#files.get(path)
    if (known === undefined) return
    if (known.lost) {
      this.#files.delete(path)
      round.changed = true
    } else {
      known.lost = true
      round.unsettled = true
    }
  }
}

interface LastScan {
  readonly at: EpochMs
  /** The next moment at which a classification changes by itself: a certificate expires or becomes valid. */
  readonly changesAt: EpochMs | undefined
  /** Tells problems from those of another scan. */
  readonly summary: string
}

interface RememberedFile {
  readonly version: string
  readonly bundle: Bundle
  /** `beside`: read only for the issuers in it. */
  readonly from: 'given' | 'folder' | 'beside'
  /** Seemed lost at the last scan; a second time it is. */
  lost: boolean
}

/** One scan under way. */
interface Round {
  readonly listing: Listing
  changed: boolean
  unsettled: boolean
}

interface Reading {
  readonly contents: Extract<FileContents, { readonly kind: 'read' }>
  readonly from: RememberedFile['from']
  readonly known: RememberedFile | undefined
}

function held([path, { bundle, from }]: readonly [string, RememberedFile]): HeldCertificates {
  const { leaves, issuers } = bundle
  if (from === 'beside') return { path, leaves: [], issuers: [...leaves, ...issuers] }
  // Whoever names a file with nothing but a CA in it is told so; in folders such files are normal.
  const onlyCa = from === 'given' && leaves.length === 0
  return { path, leaves: onlyCa ? issuers : leaves, issuers }
}

function isReported(path: string, from: RememberedFile['from'], holds?: Bundle['holds']): boolean {
  if (from === 'given' || holds === 'certificates') return true
  return holds === 'nothing-known' && fileNameKind(path) === 'certificate'
}

function mayHoldIssuer(name: string): boolean {
  return fileNameKind(name) === 'certificate' || /\.(issuer|chain|ca-bundle)$/i.test(name)
}

async function several<T>(items: Iterable<T>, run: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]()
  const runRest = async () => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await run(next.value)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, runRest))
}

/** Files open at once; far below the usual limit of 1,024 of a process, which needs sockets too. */
const AT_ONCE = 32
/** Files looked at beside one that was given; Debian's `/etc/ssl/certs` has some 300. */
const MAX_BESIDE = 500
const NOT_MOUNTED =
  'is another folder than before, and empty, as where a volume is not mounted: its certificates are kept'
