import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The root of the repository. */
export const root: string = join(import.meta.dirname, '..')

/** Paths of the repository's files, relative to its root. Without git, so that an unpacked archive can be tested too. */
export function repositoryFiles(folder = ''): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (MADE.has(entry.name)) return []
    return entry.isDirectory() ? repositoryFiles(path) : [path]
  })
}

/** The text of a file of the repository. */
export function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** What git ignores, and git itself. */
const MADE = new Set(['.git', 'node_modules', 'dist'])
