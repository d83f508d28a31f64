import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type TemporaryFolder, temporaryFolder } from './_setup.ts'
import { bytes, certificate, NOW, schedule, staple } from './contract-records.ts'
import { openSqliteStore } from './sqlite.ts'
import { StoreError } from './store.ts'

describe('a disk that is full', () => {
  const probe = smallDisk()
  probe?.[Symbol.dispose]()

  it.skipIf(probe === undefined)(
    'fails what cannot be stored, keeps the rest, and goes on when there is space again',
    async () => {
      using disk = smallDisk() ?? expect.fail('there was a small disk a moment ago')
      const ballast = join(disk.folder, 'ballast')
      const large = staple(2, { der: bytes(2, 100_000) })
      const [before, after] = [certificate(1), certificate(2)]
      {
        await using store = await openSqliteStore(disk)
        await store.putCertificates([before, after], NOW)
        await store.complete(before.id, schedule(), staple(1))
        fill(ballast)
        const failed = store.complete(after.id, schedule(), large)
        await expect(failed).rejects.toThrow(StoreError)
        await expect(failed).rejects.toMatchObject({
          code: 'STORE',
          message: expect.stringMatching(/disk is full.*space/),
        })
        expect((await store.entry({ id: before.id }))?.staple).toEqual(staple(1))
        expect((await store.entry({ id: after.id }))?.staple).toBeUndefined()
        rmSync(ballast)
        await store.complete(after.id, schedule(), large)
      }
      await using store = await openSqliteStore(disk)
      expect((await store.entry({ id: after.id }))?.staple).toEqual(large)
      expect((await store.entry({ id: before.id }))?.staple).toEqual(staple(1))
    },
  )

  it.skipIf(probe === undefined)('is named when the store cannot be made', async () => {
    using disk = smallDisk() ?? expect.fail('there was a small disk a moment ago')
    fill(join(disk.folder, 'ballast'))
    await expect(openSqliteStore(disk)).rejects.toMatchObject({
      code: 'STORE',
      message: expect.stringMatching(/disk is full.*space/),
    })
  })
})

describe('a folder that others can only read', () => {
  it('is refused for writing and can be read, whether or not the service has ended cleanly', () => {
    using temporary = temporaryFolder()
    const { folder } = temporary
    for (const end of ['close', 'kill'] as const) {
      expect(access(folder, end).stderr).toBe('')
      for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o444)
      chmodSync(folder, 0o555)
      const { stdout, stderr } = access(folder, 'read', STRANGER)
      expect(stderr).toBe('')
      expect(JSON.parse(stdout)).toEqual({
        read: [{ path: '/x', problem: end }],
        written: expect.stringMatching(/^STORE .*(user|permit|writ)/),
      })
      chmodSync(folder, 0o755)
      for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o644)
    }
  })
})

/** A disk of one megabyte; `undefined` where this user cannot mount one. */
function smallDisk(): TemporaryFolder | undefined {
  const temporary = temporaryFolder()
  const mount = ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', temporary.folder]
  if (spawnSync('mount', mount).status !== 0) {
    temporary[Symbol.dispose]()
    return undefined
  }
  return {
    ...temporary,
    [Symbol.dispose]() {
      execFileSync('umount', [temporary.folder])
      temporary[Symbol.dispose]()
    },
  }
}

function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    while (true) writeSync(file, Buffer.alloc(4_096))
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' })
  } finally {
    closeSync(file)
  }
}

function access(
  folder: string,
  what: 'close' | 'kill' | 'read',
  user: { readonly uid?: number; readonly gid?: number } = {},
): { readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [ACCESS, folder, what], { encoding: 'utf8', ...user })
}

/** To root nothing is read-only; 65534 is nobody. */
const STRANGER = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
const ACCESS = join(import.meta.dirname, '_access.ts')
