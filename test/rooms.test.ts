import { dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { describe, expect, it, test } from 'vitest'
import { repositoryFiles, textOf } from './_source-files.ts'

/** The rooms from bottom to top: each imports from itself and from those before it. */
const order = [
  'der',
  'x509',
  'ocsp',
  'time',
  'certificates',
  'responders',
  'store',
  'refresh',
  'serve',
  'edge',
  'alerts',
  'probe',
  'config',
  'cli',
]

/** What stands beside the order: the rooms that each may import from. */
const beside: Readonly<Record<string, readonly string[]>> = {
  // The entry point everstaple/tls runs inside of other people's servers.
  tls: ['der', 'x509', 'ocsp', 'time', 'certificates', 'responders'],
  // The events say what all rooms tell, so their ports are known here.
  events: order.filter((room) => room !== 'cli'),
  lab: order.filter((room) => room !== 'cli'),
  version: [],
  // The entry point everstaple re-exports.
  index: [...order, 'tls', 'events'],
}

/** Who may import what stands beside the order. */
const guests: Readonly<Record<string, (file: string) => boolean>> = {
  events: (file) => order.indexOf(roomOf(file)) >= order.indexOf('responders'),
  version: (file) => order.indexOf(roomOf(file)) >= order.indexOf('serve'),
  lab: (file) => /^src\/cli\/(demo|simulate)/.test(file),
  // The demo runs a server as users of the entry point would.
  tls: (file) => file.startsWith('src/cli/demo'),
}

const purePackages = ['node:crypto']
const pureRooms = ['der', 'x509', 'ocsp']

const sources = repositoryFiles().filter(
  (path) => /^src\/.*\.ts$/.test(path) && !/(\.test\.ts|\/_[^/]*)$/.test(path),
)

describe('imports', () => {
  it('are read from every kind of statement', () => {
    const text = `import a from './a.ts'; import type b from './b.ts'; export * from './c.ts'
      export { d } from './d.ts'; const e = await import('./e.ts')`
    expect(requestsOf('x.ts', text)).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts'])
  })
  test.each(sources)('of %s go down', (file) => {
    const targets = requestsOf(file, textOf(file))
    const wrong = targets.filter((target) =>
      target.startsWith('.')
        ? !mayImport(file, join(dirname(file), target))
        : pureRooms.includes(roomOf(file)) && !purePackages.includes(target),
    )
    expect(wrong, `${file} must not import these`).toEqual([])
  })
})

describe('rooms', () => {
  it('all have a place in the order', () => {
    const known = [...order, ...Object.keys(beside)]
    expect([...new Set(sources.map(roomOf))].filter((room) => !known.includes(room))).toEqual([])
  })
})

function mayImport(file: string, target: string): boolean {
  const [from, to] = [roomOf(file), roomOf(target)]
  if (from === to) return true
  const allowed = beside[from] ?? order.slice(0, order.indexOf(from))
  return allowed.includes(to) || guests[to]?.(file) === true
}

/** The folder below `src`, or the file that stands there by itself. */
function roomOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? ''
}

function requestsOf(file: string, text: string): readonly string[] {
  const { module, errors } = parseSync(file, text)
  expect(errors, file).toEqual([])
  const exported = module.staticExports
    .flatMap(({ entries }) => entries.map(({ moduleRequest }) => moduleRequest?.value))
    .filter((value) => value !== undefined)
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) =>
    text.slice(start + 1, end - 1),
  )
  const imported = module.staticImports.map(({ moduleRequest }) => moduleRequest.value)
  return [...imported, ...exported, ...dynamic]
}
