import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from './_setup.ts'

describe('a folder that this user can only read', () => {
  it.skipIf(!canBeStranger()).each(['close', 'kill'] as const)(
    'is refused for writing and can be read, after a %s (needs a checkout that others can read)',
    (end) => {
      using temporary = temporaryFolder()
      const { folder } = temporary
      expect(access(folder, end).stderr).toBe('')
      for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o444)
      chmodSync(folder, 0o555)
      const { stdout, stderr } = access(folder, 'read', STRANGER)
      chmodSync(folder, 0o755)
      expect(stderr).toBe('')
      expect(JSON.parse(stdout)).toEqual({
        read: [{ path: '/x', problem: end }],
        written: expect.stringMatching(/^STORE .* may not be written .*; let the user/),
      })
    },
  )
})

it('starts and says nothing on stderr in a process that has flags of its own', () => {
  using temporary = temporaryFolder()
  const script = `
    const { openSqliteStore } = await import(${JSON.stringify(STORE)})
    const store = await openSqliteStore({ folder: process.argv[1] })
    await store[Symbol.asyncDispose]()`
  const flags = ['--input-type=module', '--eval', script, temporary.folder]
  expect(spawnSync(process.execPath, flags, { encoding: 'utf8' })).toMatchObject({
    stderr: '',
    status: 0,
  })
})

function access(
  folder: string,
  what: 'close' | 'kill' | 'read',
  user: { readonly uid?: number; readonly gid?: number } = {},
): { readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [ACCESS, folder, what], { encoding: 'utf8', ...user })
}

/** As root below /root, say, nobody else can run what is here. */
function canBeStranger(): boolean {
  const script = 'fs.readFileSync(process.argv[1])'
  return spawnSync(process.execPath, ['--eval', script, ACCESS], STRANGER).status === 0
}

/** To root nothing is read-only; 65534 is nobody. */
const STRANGER = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
const ACCESS = join(import.meta.dirname, '_access.ts')
const STORE = new URL('./sqlite.ts', import.meta.url).href
