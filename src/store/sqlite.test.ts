import { copyFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { attempt, certificate, NOW, schedule, staple } from './_records.ts'
import { temporaryFolder } from './_setup.ts'
import { storeContract } from './contract.ts'
import { NEWEST_KEPT } from './kept-attempts.ts'
import { openSqliteStore, openSqliteStoreForReading } from './sqlite.ts'
import { REMOVALS_KEPT, type Store } from './store.ts'

describe.each(['large', 'small'] as const)('one %s database for many tests', (size) => {
  const temporary = temporaryFolder()
  // Left open from test to test: starting a writer takes longer than most tests.
  let left: Store | undefined
  afterAll(async () => {
    await left?.[Symbol.asyncDispose]()
    temporary[Symbol.dispose]()
  })

  storeContract(`SQLite, ${size}`, async () => {
    let opened = left
    return {
      async open() {
        const store = opened ?? (await openSqliteStore({ ...temporary, size }))
        opened = undefined
        left = store
        return store
      },
      [Symbol.asyncDispose]: async () => empty(temporary.database),
    }
  })
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

  it('gives no change the number of another, also after a backup took its place', async () => {
    using temporary = temporaryFolder()
    const backup = `${temporary.database}.backup`
    const store = () => openSqliteStore(temporary)
    const put = async (...numbers: readonly number[]) => {
      await using opened = await store()
      await opened.putCertificates(
        numbers.map((number) => certificate(number)),
        NOW,
      )
      return (await opened.changes({ after: 0, limit: 0 })).last
    }
    await put(1)
    copyFileSync(temporary.database, backup)
    const seen = await put(2, 3, 4)
    copyFileSync(backup, temporary.database)
    await put(5, 6, 7, 8, 9)
    await using opened = await store()
    const { changes } = await opened.changes({ after: seen, limit: 100 })
    expect(changes.map(({ id }) => id)).toEqual([5, 6, 7, 8, 9].map((each) => certificate(each).id))
    expect(String(changes.at(-1)?.number)).toMatch(/^\d{1,15}$/)
  })

  it('forgets the oldest removals, and says up to which', async () => {
    using temporary = temporaryFolder()
    await using store = await openSqliteStore(temporary)
    using database = new DatabaseSync(temporary.database)
    database.exec(`
      WITH RECURSIVE n (number) AS (VALUES (1) UNION ALL SELECT number + 1 FROM n LIMIT ${REMOVALS_KEPT + 4})
      INSERT INTO change SELECT number, 'gone ' || number, 1 FROM n`)
    await store.putCertificates([certificate(1)], NOW)
    await store.removeCertificates([certificate(1).id])
    const { changes, forgotten } = await store.changes({ after: 0, limit: 1 })
    expect({ forgotten, first: changes[0]?.id }).toEqual({ forgotten: 5, first: 'gone 6' })
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

describe('the log of attempts', () => {
  it('does not grow on disk either', async () => {
    using temporary = temporaryFolder()
    await using store = await openSqliteStore(temporary)
    const attempts = Array.from({ length: 3 * NEWEST_KEPT + 99 }, (_, at) => attempt(at))
    await store.complete('x', schedule(), { attempts })
    using database = new DatabaseSync(temporary.database, { readOnly: true })
    const rows = database.prepare('SELECT count(*) AS n FROM attempt').get()
    expect(rows).toEqual({ n: NEWEST_KEPT + 4 + 99 })
  })
})

describe('coverage by responder', () => {
  it('is summed up over all pages', async () => {
    using temporary = temporaryFolder()
    await using store = await openSqliteStore(temporary)
    await store.putCertificates(
      [1, 2, 3].map((number) => certificate(number)),
      NOW,
    )
    {
      using database = new DatabaseSync(temporary.database, { enableForeignKeyConstraints: false })
      for (const [from, to] of [
        [1, 20_000],
        [2, 20_001],
        [3, 70_000],
      ] as const) {
        database.prepare('UPDATE schedule SET certificate = ? WHERE certificate = ?').run(to, from)
      }
    }
    expect(await store.responderCoverage(NOW)).toEqual([
      {
        ...{ responder: certificate(1).responder, managed: 3, stapled: 0 },
        ...{ failing: 0, mustStapleWithout: 0 },
      },
    ])
  })
})

describe('openSqliteStoreForReading()', () => {
  it('reads beside a running service, what was just written included', async () => {
    using temporary = temporaryFolder()
    await using store = await openSqliteStore(temporary)
    await store.putCertificates([certificate(1)], NOW)
    await using reader = await openSqliteStoreForReading(temporary)
    await store.complete(certificate(1).id, schedule(), { staple: staple(1) })
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

/** Removes all rows of all tables. */
function empty(path: string): void {
  using database = new DatabaseSync(path, { enableForeignKeyConstraints: false })
  const tables = database.prepare(TABLES).all()
  for (const { name } of tables) database.exec(`DELETE FROM ${String(name)}`)
}

/** All but the one row that a database is known by. */
const TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'feed'"
