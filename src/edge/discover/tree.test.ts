import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { machine } from './_machine.ts'
import { Tree } from './tree.ts'

describe('glob()', () => {
  const files = { '/e/a.conf': '', '/e/b.conf': '', '/e/.c.conf': '', '/f/a.conf': '', '/f/x': '' }
  const cases: readonly [string, readonly string[]][] = [
    ['/e/*.conf', ['/e/a.conf', '/e/b.conf']],
    ['/*/a.conf', ['/e/a.conf', '/f/a.conf']],
    ['/e/[!a].conf', ['/e/b.conf']],
    ['/e/[a-b].con?', ['/e/a.conf', '/e/b.conf']],
    ['/e/[z-a].conf', []],
    ['/e/[.conf', []],
    ['/e/x*', []],
    ['/nowhere/*', []],
    ['/nowhere/a.conf', ['/nowhere/a.conf']],
  ]
  test.each(cases)('of %s', async (pattern, expected) => {
    using at = machine(files)
    expect(await at.tree.glob(pattern)).toEqual(expected)
  })
})

describe('a tree', () => {
  it('follows links inside of its root, absolute ones too, and not in a circle', async () => {
    using at = machine({
      '/etc/real/a': 'inside',
      '/etc/on/a': '->/etc/real/a',
      '/etc/on/b': '->../real/a',
      '/etc/on/c': '->../../../../../etc/real/a',
      '/etc/also': '->/etc/on',
      '/etc/round': '->/etc/round',
    })
    for (const path of ['/etc/on/a', '/etc/on/b', '/etc/on/c', '/etc/also/a']) {
      expect(await at.tree.readText(path)).toEqual({ kind: 'text', text: 'inside' })
    }
    expect(await at.tree.readText('/etc/round')).toMatchObject({ kind: 'unreadable' })
  })
  it('takes paths that begin with its root as they are', async () => {
    using at = machine({ '/etc/a': 'text' })
    expect(at.tree.here('/etc/a')).toBe(join(at.root, 'etc/a'))
    expect(at.tree.here(join(at.root, 'etc/a'))).toBe(join(at.root, 'etc/a'))
    expect(await at.tree.readText(join(at.root, 'etc/a'))).toMatchObject({ text: 'text' })
    expect(await at.tree.glob(join(at.root, '*/a'))).toEqual([join(at.root, 'etc/a')])
    expect(new Tree('/').here('/etc/a')).toBe('/etc/a')
  })
  it('says what is absent, a folder or not to be read', async () => {
    using at = machine({ '/etc/a': '', '/etc/f/x': '' })
    const kinds = await Promise.all(['/etc/a', '/etc/f', '/etc/b'].map((p) => at.tree.kindOf(p)))
    expect(kinds).toEqual(['file', 'folder', 'absent'])
    expect(await at.tree.readText('/etc/b')).toMatchObject({ kind: 'absent' })
    expect(await at.tree.readText('/etc/f')).toMatchObject({ kind: 'unreadable' })
    expect(await at.tree.list('/etc/a')).toEqual([])
  })
  it.skipIf(process.getuid?.() === 0)('says what to do about permissions', async () => {
    using at = machine({ '/etc/a': '' })
    chmodSync(join(at.root, 'etc/a'), 0)
    expect(await at.tree.readText('/etc/a')).toMatchObject({
      kind: 'unreadable',
      problem: expect.stringMatching(/^permission denied: run `everstaple discover` as a user/),
    })
  })
})
