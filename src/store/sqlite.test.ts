import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { certificate, NOW, schedule, staple } from './_records.ts'
import { temporaryFolder } from './_setup.ts'
import { storeContract } from './contract.ts'
import { openSqliteStore, openSqliteStoreForReading } from './sqlite.ts'

storeContract('SQLite', async () => {
  const temporary = temporaryFolder()
  return {
    open: () => openSqliteStore({ folder: temporary.folder }),
    [Symbol.asyncDispose]: async () => temporary[Symbol.dispose](),
  }
})

describe('openSqliteStore()', () => {
  it('makes folder and files that only their owner may read', async () => {
    using temporary = temporaryFolder()
    const folder = join(temporary.folder, 'not', 'there')
    await using _store = await openSqliteStore({ folder })
    const mode = (path: string) => statSync(path).mode & 0o777
    expect(mode(folder)).toBe(0o700)
    expect(mode(join(folder, 'everstaple.db'))).toBe(0o600)
    expect(mode(join(folder, 'everstaple.db-wal'))).toBe(0o600)
  })

  it('leaves one whole file when it is closed', async () => {
    using temporary = temporaryFolder()
    const store = await openSqliteStore(temporary)
    const put = store.putCertificates([certificate(1)], NOW)
    await store[Symbol.asyncDispose]()
    await put
    const immutable = new URL(`file://${temporary.database}?immutable=1`)
    using database = new DatabaseSync(immutable, { readOnly: true })
    expect(database.prepare('SELECT count(*) AS n FROM certificate').get()).toEqual({ n: 1 })
  })

  it('refuses writes after it was closed', async () => {
    using temporary = temporaryFolder()
    const store = await openSqliteStore(temporary)
    await store[Symbol.asyncDispose]()
    await expect(store.withdrawStaple('x')).rejects.toMatchObject({
      code: 'STORE',
      message: expect.stringContaining('has been closed'),
    })
  })
})

describe('openSqliteStoreForReading()', () => {
  it('reads beside a running service, what was just written included', async () => {
    using temporary = temporaryFolder()
    await using store = await openSqliteStore(temporary)
    await store.putCertificates([certificate(1)], NOW)
    await using reader = await openSqliteStoreForReading(temporary)
    await store.complete(certificate(1).id, schedule(), staple(1))
    expect((await reader.coverage(NOW)).stapled).toBe(1)
  })

  it('reads after the service has ended', async () => {
    using temporary = temporaryFolder()
    {
      await using store = await openSqliteStore(temporary)
      await store.putCertificates([certificate(1)], NOW)
    }
    await using reader = await openSqliteStoreForReading(temporary)
    expect(await reader.certificateIds()).toEqual(new Set([certificate(1).id]))
  })

  it('says what to do where there is no database, and makes none', async () => {
    using temporary = temporaryFolder()
    const open = () => openSqliteStoreForReading(temporary)
    await expect(open).rejects.toMatchObject({
      code: 'STORE',
      message: `there is no database ${temporary.database}; name the data folder of the service with --data, or start everstaple run first`,
    })
    await expect(open).rejects.toThrow()
  })
})
