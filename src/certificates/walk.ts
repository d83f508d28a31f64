import type { BigIntStats, Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { failure } from './file.ts'
import { fileNameKind } from './file-name.ts'
import type { SourceProblem } from './source.ts'

/** The files worth opening under the given paths, and what stood in the way. */
export interface Listing {
  /** `given`: named by the operator, always reported. `folder`: found in a folder that was. */
  readonly files: Map<string, 'given' | 'folder'>
  /** Every folder whose changes matter. */
  readonly folders: Set<string>
  readonly problems: SourceProblem[]
  /** Paths of which nothing is known now: what stood there before is not gone. */
  readonly unreadable: string[]
  /** Given folders: which folder of which file system it is, and whether anything stands in it. */
  readonly roots: Map<string, { readonly identity: string; readonly empty: boolean }>
}

/**
 * Lists files and folders, the latter to any depth, symlinks followed (certbot's `live/` is made of them), hidden ones and those of
 * foreign kinds left out. Never rejects.
 */
export async function listFiles(paths: readonly string[]): Promise<Listing> {
  const listing: Listing = {
    files: new Map(),
    folders: new Set(),
    problems: [],
    unreadable: [],
    roots: new Map(),
  }
  for (const path of paths) {
    try {
      const stats = await stat(path, { bigint: true })
      if (stats.isDirectory()) {
        const entries = await listFolder(listing, path, new Set([identityOf(stats)]))
        listing.roots.set(path, { identity: identityOf(stats), empty: entries === 0 })
      } else {
        listing.files.set(path, 'given')
        listing.folders.add(dirname(path))
      }
    } catch (error) {
      listing.folders.add(await folderAbove(path))
      listing.problems.push({ path, problem: failure(error).problem })
      listing.unreadable.push(path)
    }
  }
  return listing
}

/** The nearest folder above a path that is there: watching it notices when what leads to the path appears. */
async function folderAbove(path: string): Promise<string> {
  const folder = dirname(path)
  if (folder === path) return folder
  const isThere = await stat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
  return isThere ? folder : folderAbove(folder)
}

/** Lists one folder into `listing`; `above` holds the folders that lead here, so that links in a circle end. Returns the number of entries. */
async function listFolder(
  listing: Listing,
  folder: string,
  above: ReadonlySet<string>,
): Promise<number> {
  listing.folders.add(folder)
  const entries = await readdir(folder, { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    try {
      await listEntry(listing, path, entry, above)
    } catch (error) {
      if (fileNameKind(entry.name) === 'foreign') continue
      const { kind, problem } = failure(error)
      listing.problems.push({ path, problem: kind === 'absent' ? DANGLING : problem })
      if (kind === 'unreadable') listing.unreadable.push(path)
    }
  }
  return entries.length
}

async function listEntry(
  listing: Listing,
  path: string,
  entry: Dirent,
  above: ReadonlySet<string>,
): Promise<void> {
  if (entry.isFile()) return listFile(listing, path, entry)
  if (entry.isFIFO() || entry.isSocket() || entry.isCharacterDevice() || entry.isBlockDevice())
    return
  const stats = await stat(path, { bigint: true })
  if (stats.isFile()) return listFile(listing, path, entry)
  if (!stats.isDirectory() || above.has(identityOf(stats))) return
  if (above.size >= MAX_DEPTH) {
    listing.problems.push({ path, problem: `folders deeper than ${MAX_DEPTH} are not looked into` })
    return
  }
  await listFolder(listing, path, new Set([...above, identityOf(stats)]))
}

function listFile({ files }: Listing, path: string, { name }: Dirent): void {
  if (fileNameKind(name) !== 'foreign' && !files.has(path)) files.set(path, 'folder')
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`
}

const DANGLING = 'is a symbolic link to something that does not exist'
/** Deeper than any layout that we know of; certbot's has 2, Caddy's 4. */
const MAX_DEPTH = 16
