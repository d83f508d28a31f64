import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { plus } from '../der/time.ts'
import { certificate, claimAll, NOW, plain, schedule, staple } from './_records.ts'
import { temporaryFolder } from './_setup.ts'
import { migrate, migrations } from './migrations.ts'
import { openSqliteStore } from './sqlite.ts'

it('brings a database of schema 1 up to date, and loses nothing', async () => {
  using temporary = temporaryFolder()
  makeSchema1(temporary.database)
  await using store = await openSqliteStore(temporary)
  const { id } = certificate(1)
  expect(plain(await store.entry({ id }))).toEqual(
    plain({
      certificate: certificate(1),
      schedule: schedule({ attempts: 2, lastError: 'HTTP 503' }),
      staple: staple(1),
      former: undefined,
    }),
  )
  expect((await store.entry({ id: certificate(2).id }))?.schedule?.dueAt).toBe(NOW)
  expect(await store.dueResponders(NOW)).toEqual([certificate(2).responder])
  expect(await store.coverage(NOW)).toMatchObject({ managed: 2, stapled: 1 })
  expect(await store.problems()).toEqual([{ path: '/x', problem: 'is not a certificate' }])
  await store.complete(id, schedule(), { staple: staple(2, { servedFrom: plus(NOW, 1) }) })
  expect(plain(await store.entry({ id }))).toMatchObject({
    former: { der: Array.from(staple(1).der) },
  })
})

it('asks the CA at once for the response of a revocation of schema 6, which kept none', async () => {
  using temporary = temporaryFolder()
  makeSchema1(temporary.database)
  {
    using database = new DatabaseSync(temporary.database)
    migrate(database, migrations.slice(0, 6))
    database.exec(`UPDATE schedule SET revoked_as_of = ${NOW} WHERE certificate = 1`)
  }
  await using store = await openSqliteStore(temporary)
  const { schedule: kept } = (await store.entry({ id: certificate(1).id })) ?? {}
  expect(kept).toMatchObject({ dueAt: 0, revokedAsOf: NOW })
  expect(kept?.revocation).toBeUndefined()
  expect((await store.claimDue(claimAll())).length).toBe(2)
})

/** A database as the release with schema 1 left it: one certificate with a staple, one without. */
function makeSchema1(path: string): void {
  using database = new DatabaseSync(path)
  migrate(database, migrations.slice(0, 1))
  const { issuer } = certificate(1)
  database.prepare('INSERT INTO issuer VALUES (1, ?)').run(issuer ?? null)
  for (const number of [1, 2]) {
    const record = certificate(number)
    const { id, der, name, sources, notAfter, certIDKey = null, responder } = record
    database
      .prepare("INSERT INTO certificate VALUES (?, ?, ?, 1, ?, ?, 'ocsp', 0, ?, ?, ?)")
      .run(number, id, der, name, JSON.stringify(sources), notAfter, certIDKey, responder)
  }
  const { der, received, producedAt, thisUpdate, nextUpdate, usableUntil, fetchedAt, url } =
    staple(1)
  const times = [producedAt, thisUpdate, nextUpdate, usableUntil, fetchedAt]
  database
    .prepare('INSERT INTO staple VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)')
    .run(der, received, ...times, url)
  const { dueAt, reason } = schedule()
  const { responder } = certificate(1)
  const add = database.prepare('INSERT INTO schedule VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)')
  add.run(1, dueAt, 0, reason, 2, NOW, 'HTTP 503', responder, usableUntil)
  add.run(2, NOW, 1, 'new certificate', 0, null, null, responder, 0)
  database.exec("INSERT INTO problem VALUES (1, '/x', 'is not a certificate')")
}
