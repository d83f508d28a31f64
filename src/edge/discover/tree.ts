import { open, readdir, readlink, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { failure } from '../../certificates/file.ts'
import { isWithin } from '../../certificates/source.ts'

/** A text, or why there is none. */
export type TreeText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' | 'unreadable'; readonly problem: string }

/**
 * The files of a machine whose root is the folder `root` here: `/`, or where the file system of a container is mounted. Paths are those
 * of that machine, absolute; one that begins with `root` already is left as it is. Links are followed inside of the root.
 * Nothing rejects.
 */
export class Tree {
  readonly root: string

  constructor(root: string) {
    this.root = resolve(root)
  }

  /** The path as this process has to name it. Links in it are not followed. */
  here(path: string): string {
    return isWithin(path, this.root) ? path : join(this.root, path)
  }

  /** A configuration file. */
  async readText(path: string): Promise<TreeText> {
    try {
      await using file = await open(await this.#followed(path))
      const { size } = await file.stat()
      if (size > MAX_TEXT_BYTES) {
        return { kind: 'unreadable', problem: `is larger than ${MAX_TEXT_BYTES} bytes` }
      }
      return { kind: 'text', text: await file.readFile('utf8') }
    } catch (error) {
      const failed = failure(error)
      // The service itself need not read it.
      return failed.problem.startsWith('permission denied')
        ? { ...failed, problem: DENIED }
        : failed
    }
  }

  /** What is at a path, links followed. */
  async kindOf(path: string): Promise<'file' | 'folder' | 'other' | 'absent' | 'unreadable'> {
    try {
      const found = await stat(await this.#followed(path))
      return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other'
    } catch (error) {
      return failure(error).kind === 'absent' ? 'absent' : 'unreadable'
    }
  }

  /** The names in a folder, sorted; or why they cannot be told. */
  async list(folder: string): Promise<readonly string[] | { readonly problem: string }> {
    try {
      return (await readdir(await this.#followed(folder))).sort()
    } catch (error) {
      const { kind, problem } = failure(error)
      return kind === 'absent' ? [] : { problem }
    }
  }

  /**
   * The paths that a pattern of `glob(3)` matches, sorted, hidden ones left out; a path without `*`, `?` and `[` is given
   * back as it is, there or not.
   */
  async glob(pattern: string): Promise<readonly string[]> {
    if (!isPattern(pattern)) return [pattern]
    const start = isWithin(pattern, this.root) ? this.root : '/'
    let found: readonly string[] = [start]
    for (const segment of pattern
      .slice(start.length)
      .split('/')
      .filter((each) => each !== '')) {
      const next: string[] = []
      for (const folder of found) next.push(...(await this.#matches(folder, segment)))
      found = next.slice(0, MAX_MATCHES)
    }
    return found
  }

  async #matches(folder: string, segment: string): Promise<readonly string[]> {
    if (!isPattern(segment)) {
      const path = join(folder, segment)
      return (await this.kindOf(path)) === 'absent' ? [] : [path]
    }
    const names = await this.list(folder)
    if ('problem' in names) return []
    const regex = segmentPattern(segment)
    return names
      .filter((name) => !name.startsWith('.') && regex.test(name))
      .map((name) => join(folder, name))
  }

  /** The path here, with every link replaced by what it leads to: an absolute one begins at the root of that machine. */
  async #followed(path: string): Promise<string> {
    if (this.root === '/') return path
    let rest = this.here(path).slice(this.root.length).split('/')
    let done = '/'
    for (let links = 0; rest.length > 0; ) {
      const [next = '', ...after] = rest
      const target = await readlink(join(this.root, done, next)).catch(() => undefined)
      rest = after
      if (target === undefined) done = join(done, next)
      else {
        links += 1
        if (links > MAX_LINKS) throw Object.assign(new Error(path), { code: 'ELOOP' })
        if (isAbsolute(target)) done = '/'
        const inside = isWithin(target, this.root) ? target.slice(this.root.length) : target
        rest = [...inside.split('/'), ...after]
      }
    }
    return join(this.root, done)
  }
}

/** A path of a configuration as an absolute one: relative ones begin at `folder`. */
export function absolutePath(path: string, folder: string): string {
  return isAbsolute(path) ? join(path) : join(folder, path)
}

/** The folder that a file stands in. */
export function folderOf(path: string): string {
  return dirname(path)
}

function isPattern(text: string): boolean {
  return /[*?[]/.test(text)
}

function segmentPattern(segment: string): RegExp {
  const source = segment.replace(
    /\[(!?)([^\]]+)\]|[\s\S]/g,
    (whole, not?: string, set?: string) => {
      if (set !== undefined) return `[${not === '!' ? '^' : ''}${set.replace(/[\\\]^[]/g, '\\$&')}]`
      if (whole === '*') return '.*'
      return whole === '?' ? '.' : whole.replace(/[\\^$.|+()[\]{}/-]/g, '\\$&')
    },
  )
  try {
    return new RegExp(`^${source}$`, 's')
  } catch {
    return NOTHING // A set such as [z-a].
  }
}

const NOTHING = /(?!)/
const DENIED =
  'permission denied: run `everstaple discover` as a user that may read it, such as root'
/** Of one configuration file; the longest that hosters write have some 100 kB. */
const MAX_TEXT_BYTES = 4_194_304
/** Of one pattern: hosters have ten thousand sites. */
const MAX_MATCHES = 50_000
/** As Linux follows. */
const MAX_LINKS = 40
