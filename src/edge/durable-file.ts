import { constants } from 'node:fs'
import { lstat, open, readdir, rename, rm, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Why a file could not be written or removed. */
export type DurableFileReason =
  | 'no-directory'
  | 'permission'
  | 'disk-full'
  | 'not-a-regular-file'
  | 'other'

/** The world failed a file; the message says what to do. */
export class DurableFileError extends Error {
  override readonly name = 'DurableFileError'
  readonly code = 'DURABLE_FILE'
  readonly reason: DurableFileReason

  constructor(reason: DurableFileReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/**
 * Replaces `path` by a file with `bytes`, so that a reader sees the old file or the new one, whole, at any moment and after a crash or
 * loss of power. The file is always a new one, with a new mtime, by which servers notice it. Resolves when it is durable; throws a
 * {@link DurableFileError}.
 */
export async function writeDurably(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const directory = dirname(path)
  const temporary = join(directory, temporaryName(basename(path)))
  underWay.add(temporary)
  try {
    await refuseOddTarget(path)
    await writeTemporary(temporary, bytes, mode)
    await rename(temporary, path)
    await syncDirectory(directory)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw asDurableFileError('write', path, error)
  } finally {
    underWay.delete(temporary)
  }
}

/** Removes `path`, durably; says whether there was something to remove. Throws a {@link DurableFileError}. */
export async function removeDurably(path: string): Promise<'removed' | 'absent'> {
  try {
    if ((await refuseOddTarget(path)) === 'absent') return 'absent'
    await unlink(path)
    await syncDirectory(dirname(path))
    return 'removed'
  } catch (error) {
    throw asDurableFileError('remove', path, error)
  }
}

/** Removes temporary files that writers left in `directory` when they were killed; those of living writers stay. */
export async function removeLeftovers(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    const writer = TEMPORARY.exec(name)?.[1]
    const path = join(directory, name)
    if (writer === undefined || underWay.has(path) || isOtherAlive(Number(writer))) continue
    await rm(path, { force: true }).catch(() => {})
  }
}

async function writeTemporary(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode)
  try {
    await file.chmod(mode) // open() subtracted the umask
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes a rename or a removal survive loss of power. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function refuseOddTarget(path: string): Promise<'absent' | 'regular'> {
  const found = await lstat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  })
  if (found === undefined) return 'absent'
  if (found.isFile()) return 'regular'
  const kind = found.isSymbolicLink() ? 'symbolic link' : found.isDirectory() ? 'folder' : 'device'
  throw new DurableFileError(
    'not-a-regular-file',
    `${path} is a ${kind}, not a regular file; move it away or choose another path for the output`,
  )
}

function asDurableFileError(verb: 'write' | 'remove', path: string, error: unknown): Error {
  if (error instanceof DurableFileError) return error
  const [reason, problem] = explained(systemCode(error), dirname(path))
  const because = problem ?? (error instanceof Error ? error.message : String(error))
  return new DurableFileError(reason, `cannot ${verb} ${path}: ${because}`, { cause: error })
}

function explained(code: unknown, directory: string): [DurableFileReason, string | undefined] {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return ['no-directory', `there is no folder ${directory}; create it`]
    case 'EACCES':
    case 'EPERM':
      return [
        'permission',
        `user ${process.getuid?.() ?? '?'} may not write to ${directory}; give it write permission`,
      ]
    case 'EROFS':
      return ['permission', `${directory} is on a read-only file system; mount it writable`]
    case 'ENOSPC':
    case 'EDQUOT':
      return ['disk-full', `no space is left for ${directory}; free some`]
    default:
      return ['other', undefined]
  }
}

function systemCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** Another living process. One with our own id is a former life of ours: in a container every process is number 1. */
function isOtherAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

function temporaryName(name: string): string {
  written += 1
  return `.${name.slice(0, MAX_NAME_LENGTH)}.everstaple-${process.pid}-${written}.tmp`
}

/** Temporary files of this process, which is the only one to know that they are still needed. */
const underWay = new Set<string>()
let written = 0

const TEMPORARY = /^\..*\.everstaple-(\d+)-\d+\.tmp$/
/** Names have at most 255 bytes on Linux; this leaves room for what is added, in UTF-8. */
const MAX_NAME_LENGTH = 70
