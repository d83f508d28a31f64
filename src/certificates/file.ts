import { type FileHandle, open, stat } from 'node:fs/promises'
import { type Bundle, MAX_FILE_BYTES, readBundle } from './bundle.ts'

/** A file read, or the reason why not. */
export type FileContents =
  | { readonly kind: 'read'; readonly bundle: Bundle; readonly version: string }
  /** As {@link FileContents} `read`, but the version is the one that the caller knows: nothing was read. */
  | { readonly kind: 'unchanged' }
  /** There is no such file. */
  | { readonly kind: 'absent'; readonly problem: string }
  /** There is one, or may be one, that cannot be read now. */
  | { readonly kind: 'unreadable'; readonly problem: string }

/**
 * Reads a file of certificates, symlinks followed; never rejects. `version` says when a file is the same as before without reading it. The
 * bytes are zeroed before it returns, as private keys may stand among them.
 */
export async function readCertificateFile(
  path: string,
  knownVersion?: string,
): Promise<FileContents> {
  try {
    const { isFile, version, size } = await look(path)
    if (!isFile) return { kind: 'unreadable', problem: 'is neither a file nor a folder' }
    if (version === knownVersion) return { kind: 'unchanged' }
    return { kind: 'read', bundle: await readSized(path, size), version }
  } catch (error) {
    return failure(error)
  }
}

/** An error of the file system in words, with what to do. */
export function failure(error: unknown): Extract<FileContents, { readonly problem: string }> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { kind: 'absent', problem: 'does not exist; it is looked for again' }
    case 'EACCES':
    case 'EPERM':
      return {
        kind: 'unreadable',
        problem: 'permission denied: let the user that runs everstaple read it',
      }
    case 'ELOOP':
      return { kind: 'unreadable', problem: 'symbolic links lead in a circle' }
    case 'EMFILE':
    case 'ENFILE':
      return { kind: 'unreadable', problem: 'too many open files: raise the limit (ulimit -n)' }
    default:
      return { kind: 'unreadable', problem: `cannot be read (${code}); it is tried again` }
  }
}

async function look(path: string): Promise<{ isFile: boolean; version: string; size: number }> {
  const stats = await stat(path, { bigint: true })
  const { dev, ino, size, mtimeNs, ctimeNs } = stats
  const version = [dev, ino, size, mtimeNs, ctimeNs].join(':')
  return { isFile: stats.isFile(), version, size: Number(size) }
}

async function readSized(path: string, size: number): Promise<Bundle> {
  // One byte more than allowed, so that a file too large is seen as such without being read.
  const wanted = Math.min(size, MAX_FILE_BYTES) + 1
  const page =
    wanted > PAGE_BYTES ? Buffer.alloc(wanted) : (pages.pop() ?? Buffer.alloc(PAGE_BYTES))
  const buffer = page.subarray(0, wanted)
  try {
    await using file = await open(path)
    return readBundle(buffer.subarray(0, await fill(file, buffer)))
  } finally {
    buffer.fill(0)
    if (page.length === PAGE_BYTES) pages.push(page)
  }
}

async function fill(file: FileHandle, buffer: Buffer): Promise<number> {
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}

const PAGE_BYTES = 16_384
/** Used again and again, as many as files were read at once: ten thousand of their own would all wait for the garbage collector. */
const pages: Buffer[] = []
