import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { epochMs } from '../der/time.ts'
import { allows, createToken, formatTokens, TokenFile } from './tokens.ts'

const now = epochMs(1_795_000_000_000)
let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'everstaple-tokens-'))
  path = join(folder, 'tokens.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('a token', () => {
  it('is found by itself, and by nothing else', async () => {
    const { token, record } = createToken('web1', 'edge', now)
    writeFileSync(path, formatTokens([createToken('other', 'read', now).record, record]))
    const tokens = new TokenFile(path)
    expect(await tokens.find(token)).toEqual(record)
    expect(await tokens.find(`${token}x`)).toBeUndefined()
    expect(await tokens.find('')).toBeUndefined()
    expect(await tokens.find(record.sha256)).toBeUndefined()
  })

  it('is not in the file', () => {
    const { token, record } = createToken('web1', 'edge', now)
    expect(formatTokens([record])).not.toContain(token.slice(4))
  })

  it('is another one each time, and long enough', () => {
    const tokens = Array.from({ length: 100 }, () => createToken('x', 'read', now).token)
    expect(new Set(tokens).size).toBe(100)
    expect(tokens[0]).toMatch(/^evs_[\w-]{43}$/)
  })

  it('is gone as soon as the file says so', async () => {
    const { token, record } = createToken('web1', 'edge', now)
    const tokens = new TokenFile(path)
    expect(await tokens.find(token)).toBeUndefined()
    writeFileSync(path, formatTokens([record]))
    expect(await tokens.find(token)).toBeDefined()
    writeFileSync(path, formatTokens([]))
    expect(await tokens.find(token)).toBeUndefined()
  })

  it.each([
    ['read', 'read', true],
    ['read', 'edge', false],
    ['edge', 'read', true],
    ['edge', 'admin', false],
    ['admin', 'edge', true],
  ] as const)('of scope %s does what needs %s: %s', (scope, needed, expected) => {
    expect(allows(scope, needed)).toBe(expected)
  })

  it.each(['', '[]', '{"tokens":[{"name":"x"}]}'])(
    'is not taken from a file that is none: %s',
    async (text) => {
      writeFileSync(path, text)
      const found = new TokenFile(path).find('evs_x')
      await expect(found).rejects.toThrow(/is no list of tokens; restore it from a backup/)
    },
  )
})
