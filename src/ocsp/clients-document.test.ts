import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { withTables } from './_clients-document.ts'

describe('docs/clients.md', () => {
  it('has the rules and limits of the code: run `npm run rules`', () => {
    const page = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8')
    expect(page).toBe(withTables(page))
  })
})
