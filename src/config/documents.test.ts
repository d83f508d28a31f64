import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { resolveConfig } from './config.ts'
import { configJsonSchema } from './schema.ts'

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const schema: SchemaNode = JSON.parse(file('everstaple.schema.json'))
const page = file('docs/configuration.md')

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
}

/** `listen`, `log.format`, `outputs`, `outputs[].file`: all but the maps that only group keys. */
function keysOf(node: SchemaNode, prefix = ''): readonly string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, inner]) => {
    const key = `${prefix}${name}`
    if (inner.properties !== undefined) return keysOf(inner, `${key}.`)
    return [key, ...keysOf(inner.items ?? {}, `${key}[].`)]
  })
}

describe('everstaple.schema.json', () => {
  it('is what `npm run schema` makes of the code', () => {
    expect(schema).toEqual(JSON.parse(JSON.stringify(configJsonSchema())))
  })
})

describe('docs/configuration.md', () => {
  const sections = new Map(
    page.split('\n## ').map((text) => [/^`(.+)`\n/.exec(text)?.[1] ?? '', text] as const),
  )
  it('has a section per key, in the order of the schema', () => {
    expect([...sections.keys()].filter((key) => key !== '')).toEqual(keysOf(schema))
  })
  test.each(keysOf(schema).filter((key) => key !== 'outputs'))(
    '%s has a default, an example, and what can go wrong',
    (key) => {
      const section = sections.get(key)
      expect(section).toMatch(/Default: |Required in an output/)
      expect(section).toMatch(/Examples?: /)
      expect(section).toContain('*What can go wrong.*')
    },
  )
  it('begins with a file that is valid', () => {
    const text = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? 'missing'
    const env = { cwd: '/', home: '/', user: 'root' } as const
    const result = resolveConfig({ file: { text, path: '/everstaple.yaml' }, flags: {}, env })
    expect(result).toMatchObject({ kind: 'config', config: { outputs: [{ debounce: 2_000 }] } })
  })
})
