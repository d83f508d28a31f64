import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, readdirSync } from 'node:fs'
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

describe('a folder that this user may not read', () => {
  it.skipIf(process.getuid?.() !== 0 || !canBeStranger()).each([
    [0, 'root; run this as root'],
    [1234, 'user 1234; run this as that user or as root'],
  ])(
    'is told apart from one without a database, and that it is of user %d (needs root)',
    (owner, whose) => {
      using temporary = temporaryFolder()
      const { folder } = temporary
      expect(access(folder, 'close').stderr).toBe('')
      chownSync(folder, owner, owner)
      chmodSync(folder, 0o700)
      const { stdout } = access(folder, 'read', STRANGER)
      const said = `STORE the data folder ${folder} may not be read by this user: it belongs to ${whose}`
      expect(JSON.parse(stdout)).toMatchObject({ read: said })
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
