import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { EpochMs } from '../../der/time.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import { removeDurably, removeLeftovers, writeDurably } from '../durable-file.ts'
import { type ServerName, stapleFacts } from '../targets.ts'
import {
  type FileClaim,
  type FileFact,
  type FilePlan,
  type OutputCertificate,
  planFile,
} from './file-plan.ts'

/** What a file output tells. A failure is told each time that it is seen: at the change and at every sweep. */
export interface FileOutputEvents {
  fileWritten(event: { readonly path: string; readonly certificate: string }): void
  fileRemoved(event: { readonly path: string; readonly reason: string }): void
  /** A staple is not given to a server that would mishandle it; told once for each problem. */
  stapleWithheld(event: {
    readonly place: string
    readonly certificate: string
    readonly problem: string
  }): void
  /** A file that says nothing was made, as the server needs one before there is a staple. */
  filePrepared(event: { readonly path: string }): void
  /** The file could not be written or removed; the next sweep tries again. */
  fileFailed(event: { readonly path: string; readonly error: unknown }): void
  /** Several certificates have the same path; told once for each set of names. */
  filesCollide(event: {
    readonly path: string
    readonly written: string
    readonly left: readonly string[]
  }): void
}

/** What a managed file needs. */
export interface ManagedFileOptions {
  /** Default: 0o644. Staples are public. */
  readonly mode?: number
  readonly now: () => EpochMs
  readonly events: FileOutputEvents
  /** The server that reads it, where that is known. */
  readonly server?: ServerName | undefined
  /** The staple for the certificate that bytes on disk are, judged anew. Default: none is. */
  readonly held?: (bytes: Uint8Array, certificate: OutputCertificate) => Staple | undefined
  /** Called after a staple was written or taken away. */
  readonly changed: () => void
  /** Called for each certificate that wants the path, each time that it was looked after, then after `changed` where that is called. */
  readonly noted?: (id: string, noted: NotedFile) => void
}

/** How a path stands with a certificate, and whether it was changed right now. */
export interface NotedFile {
  readonly path: string
  readonly fact: FileFact
  readonly file: 'changed' | 'same'
}

/**
 * One path: who wants it, and what is on disk, which is read again each time, never remembered. {@link planFile} says what is to be there.
 */
export class ManagedFile {
  readonly path: string
  readonly #options: ManagedFileOptions
  readonly #sweptDirectories: Set<string>
  readonly #claims = new Map<string, FileClaim>()
  #toldCollision = ''
  #toldRefusal = ''
  #lastFailed = false
  #busy: Promise<void> = Promise.resolve()

  constructor(path: string, options: ManagedFileOptions, sweptDirectories: Set<string>) {
    this.path = path
    this.#options = options
    this.#sweptDirectories = sweptDirectories
  }

  /** Nobody wants it and nothing is left to do. */
  get isIdle(): boolean {
    return this.#claims.size === 0 && !this.#lastFailed
  }

  claim(claim: FileClaim): void {
    this.#claims.set(claim.certificate.id, claim)
  }

  release(id: string): void {
    this.#claims.delete(id)
  }

  /** Makes the disk as it should be, one change at a time. */
  reconcile(): Promise<void> {
    const { path } = this
    this.#busy = this.#busy.then(async () => {
      try {
        await this.#sweepDirectory()
        const { facts, file } = await this.#makeSo()
        this.#lastFailed = false
        for (const [id, fact] of facts) this.#options.noted?.(id, { path, fact, file })
      } catch (error) {
        this.#lastFailed = true
        this.#options.events.fileFailed({ path, error })
        const problem = error instanceof Error ? error.message : String(error)
        const fact = { state: 'failed', stapleSha256: undefined, problem } as const
        const failed = { path, fact, file: 'same' } as const
        for (const id of this.#claims.keys()) this.#options.noted?.(id, failed)
      }
    })
    return this.#busy
  }

  async #makeSo(): Promise<Pick<FilePlan, 'facts'> & Pick<NotedFile, 'file'>> {
    const present = await readIfPresent(this.path)
    const isForeign = present !== undefined && !isOurs(present)
    const plan = planFile({
      claims: [...this.#claims.values()],
      present: isForeign ? undefined : present,
      server: this.#options.server,
      now: this.#options.now(),
      held: this.#options.held ?? (() => undefined),
    })
    this.#tellCollision(plan)
    this.#tellRefusal(plan)
    if (plan.content === undefined ? present === undefined : isSame(present, plan.content)) {
      return { ...plan, file: 'same' }
    }
    if (isForeign) {
      throw new ForeignFileError(
        `${this.path} holds something else than an OCSP response; choose another path for the output, or move the file away`,
      )
    }
    return { ...plan, file: await this.#put(plan, present) }
  }

  async #put(
    { content, winner, reason }: FilePlan,
    present: Uint8Array | undefined,
  ): Promise<NotedFile['file']> {
    const { events, changed, mode = DEFAULT_MODE } = this.#options
    if (content === undefined) await removeDurably(this.path)
    else await writeDurably(this.path, content, mode)
    const { path } = this
    if (winner !== undefined) events.fileWritten({ path, certificate: winner.name })
    // Where there was no staple either, the server need not be told.
    else if (present === undefined || stapleFacts(present) === undefined) {
      if (content !== undefined) events.filePrepared({ path })
      return 'same'
    } else events.fileRemoved({ path, reason })
    changed()
    return 'changed'
  }

  #tellCollision({ winner, left }: FilePlan): void {
    const names = left.map(({ name }) => name)
    const collision = names.join()
    if (winner !== undefined && names.length > 0 && collision !== this.#toldCollision) {
      this.#options.events.filesCollide({ path: this.path, written: winner.name, left: names })
    }
    this.#toldCollision = collision
  }

  #tellRefusal({ refused }: FilePlan): void {
    const refusal = refused === undefined ? '' : `${refused.names.join()}: ${refused.problem}`
    if (refused !== undefined && refusal !== this.#toldRefusal) {
      const certificate = refused.names.join(', ')
      this.#options.events.stapleWithheld({
        place: this.path,
        certificate,
        problem: refused.problem,
      })
    }
    this.#toldRefusal = refusal
  }

  /** Temporary files of a former life, once per folder. */
  async #sweepDirectory(): Promise<void> {
    const directory = dirname(this.path)
    if (this.#sweptDirectories.has(directory)) return
    this.#sweptDirectories.add(directory)
    await removeLeftovers(directory)
  }
}

/** The file at the path of a staple belongs to somebody else. */
export class ForeignFileError extends Error {
  override readonly name = 'ForeignFileError'
  readonly code = 'FOREIGN_FILE'
}

async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    // For these, writing says what to do.
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw error
  }
}

function isSame(present: Buffer | undefined, wanted: Uint8Array): boolean {
  return present?.equals(wanted) ?? false
}

/** Empty, as HAProxy's bootstrap wants it, or a SEQUENCE that begins with an ENUMERATED: an OCSPResponse, not a certificate or a key. */
function isOurs(present: Buffer): boolean {
  if (present.length === 0) return true
  const lengthOctets = (present[1] ?? 0) < 0x80 ? 1 : 1 + ((present[1] ?? 0) & 0x7f)
  return present[0] === 0x30 && present[1 + lengthOctets] === 0x0a
}

const DEFAULT_MODE = 0o644
