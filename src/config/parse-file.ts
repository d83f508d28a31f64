import { isCollection, isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { type CheckedKeys, checkKeys, type Fault } from './check-keys.ts'
import type { ConfigProblem } from './problem.ts'
import type { FileKeys } from './schema.ts'

/** The keys of a file, or all that is wrong with it, from its top to its end. */
export type FileResult =
  | { readonly kind: 'keys'; readonly keys: FileKeys }
  | { readonly kind: 'problems'; readonly problems: readonly ConfigProblem[] }

/** Reads the text of a configuration file; `file` is its name in problems. Never throws because of what the text says. */
export function parseFile(text: string, file: string): FileResult {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  })
  const problemAt = (offset: number, problem: Omit<ConfigProblem, 'at'>): ConfigProblem => {
    const { line, col } = lines.linePos(offset)
    return { ...problem, at: { file, line, column: col } }
  }
  const notYaml = (offset: number, message: string) =>
    problemAt(offset, { key: 'YAML', saw: message, required: 'a YAML map' })
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, message }) => notYaml(pos[0], message))
    return { kind: 'problems', problems }
  }
  let checked: CheckedKeys
  try {
    checked = checkKeys(document.toJS() ?? {})
  } catch (error) {
    // Aliases that multiply: `yaml` follows no more than a hundred.
    if (!(error instanceof ReferenceError)) throw error
    return { kind: 'problems', problems: [notYaml(0, error.message)] }
  }
  if (checked.kind === 'keys') return checked
  const problems = checked.faults
    .map((fault) => ({ ...fault, offset: offsetOf(document.contents, fault) }))
    .sort((a, b) => a.offset - b.offset)
    .map(({ path, saw, required, offset }) =>
      problemAt(offset, { key: keyText(path), saw, required }),
    )
  return { kind: 'problems', problems }
}

/** Where the key or the value at fault begins; of what is missing, where the map around it does. */
function offsetOf(root: Node | null, { path, where }: Fault): number {
  let node = root
  let offset = root?.range?.[0] ?? 0
  for (const [depth, step] of path.entries()) {
    const isKey = where === 'key' && depth === path.length - 1
    const next: unknown = isKey ? keyNode(node, step) : isCollection(node) && node.get(step, true)
    if (!isNode(next)) break
    offset = next.range?.[0] ?? offset
    node = next
  }
  return offset
}

function keyNode(node: Node | null, key: PropertyKey): unknown {
  if (!isMap(node)) return undefined
  return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key)?.key
}

function keyText(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
  return text.join('').replace(/^\./, '') || 'the file'
}
