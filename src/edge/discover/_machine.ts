import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Tree } from './tree.ts'

/** A machine for a test: a folder that is its root. */
export interface Machine extends Disposable {
  readonly root: string
  readonly tree: Tree
}

/** Makes a machine from its files; a content that begins with `->` is a symbolic link. */
export function machine(files: Readonly<Record<string, string>>): Machine {
  const root = mkdtempSync(join(tmpdir(), 'everstaple-machine-'))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    if (content.startsWith('->')) symlinkSync(content.slice(2), join(root, path))
    else writeFileSync(join(root, path), content)
  }
  const [tree, dispose] = [new Tree(root), () => rmSync(root, { recursive: true, force: true })]
  return { root, tree, [Symbol.dispose]: dispose }
}

/** The text cut off at every place of it, and with every byte of it made a brace or a quote: what is half written, or broken. */
export function* broken(text: string): Generator<string> {
  for (let at = 0; at <= text.length; at += 1) yield text.slice(0, at)
  for (let at = 0; at < text.length; at += 1) {
    for (const other of ['{', '}', '"', "'", '\\', '\n', '<', '$']) {
      yield text.slice(0, at) + other + text.slice(at + 1)
    }
  }
}
