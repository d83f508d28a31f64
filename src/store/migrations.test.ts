import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from './_setup.ts'
import { migrate, migrations } from './migrations.ts'
import { openSqliteStore, openSqliteStoreForReading } from './sqlite.ts'

describe('migrations', () => {
  it('are the steps as they were written: a database out there was made by them', () => {
    const digests = migrations.map((step) => createHash('sha256').update(step).digest('hex'))
    expect(digests).toEqual(WRITTEN)
  })
})

describe('migrate()', () => {
  it.each([...migrations.keys()])('brings schema %i to what a new database has', (version) => {
    using fresh = new DatabaseSync(':memory:')
    migrate(fresh)
    using old = new DatabaseSync(':memory:')
    if (version > 0) migrate(old, migrations.slice(0, version))
    migrate(old)
    expect(schemaOf(old)).toEqual(schemaOf(fresh))
  })

  it('does nothing to a database that has the newest schema', () => {
    using database = new DatabaseSync(':memory:')
    migrate(database)
    const before = schemaOf(database)
    migrate(database)
    expect(schemaOf(database)).toEqual(before)
  })

  it('runs the steps that are missing, in order, and each only once', () => {
    using database = new DatabaseSync(':memory:')
    const steps = ['CREATE TABLE a (x)', 'ALTER TABLE a RENAME TO b']
    migrate(database, steps.slice(0, 1))
    migrate(database, steps)
    migrate(database, [...steps, 'INSERT INTO b VALUES (1)'])
    migrate(database, [...steps, 'INSERT INTO b VALUES (1)'])
    expect(database.prepare('SELECT count(*) AS n FROM b').get()).toEqual({ n: 1 })
    expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 3 })
  })

  it('leaves the last good version when a step fails half way, and goes on from there', () => {
    using database = new DatabaseSync(':memory:')
    const broken = ['CREATE TABLE a (x)', 'CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)']
    expect(() => migrate(database, broken)).toThrow('no such table: nowhere')
    expect(schemaOf(database)).toMatchObject({ version: { user_version: 1 } })
    migrate(database, ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'])
    expect(schemaOf(database)).toMatchObject({ version: { user_version: 2 } })
  })

  it('makes only strict tables', () => {
    using database = new DatabaseSync(':memory:')
    migrate(database)
    const loose = database.prepare(
      "SELECT name FROM pragma_table_list WHERE strict = 0 AND name NOT LIKE 'sqlite%'",
    )
    expect(loose.all()).toEqual([])
  })
})

describe('a database that is not ours to write', () => {
  it.each([
    [
      'of a newer schema',
      `PRAGMA user_version = ${migrations.length + 1}`,
      `has schema ${migrations.length + 1}, this everstaple knows schemas up to ${migrations.length}: a newer release wrote it; run that release or a later one`,
    ],
    [
      'of another program',
      'PRAGMA application_id = 7',
      'is a database of another program; name another data folder with --data',
    ],
  ])('is refused when it is %s, and is left alone', async (_, change, message) => {
    using temporary = temporaryFolder()
    const made = await openSqliteStore(temporary)
    await made[Symbol.asyncDispose]()
    {
      using database = new DatabaseSync(temporary.database)
      database.exec(change)
    }
    const expected = { code: 'STORE', message: expect.stringContaining(message) }
    await expect(openSqliteStore(temporary)).rejects.toMatchObject(expected)
    await expect(openSqliteStoreForReading(temporary)).rejects.toMatchObject(expected)
  })

  it('says how to bring an empty database up to date when it is only to be read', async () => {
    using temporary = temporaryFolder()
    {
      using database = new DatabaseSync(temporary.database)
      database.exec('PRAGMA journal_mode = WAL')
    }
    await expect(openSqliteStoreForReading(temporary)).rejects.toThrow(
      'is of an older release; start everstaple run once',
    )
  })
})

function schemaOf(database: DatabaseSync): unknown {
  return {
    version: database.prepare('PRAGMA user_version').get(),
    tables: database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all(),
  }
}

/** SHA-256 of each step. After a release nothing here changes: a new step goes to the end. */
const WRITTEN = [
  '8f1354f9512586eb39885ea9f779c2a07e2cee78363a84d3a23d51dd87de3b43',
  '9b19df8695af4b158380dff1f1abada6b58c3e187e1306865007709918af78c9',
  'a29cde67bded105486c21e553cbd319e48c20a86968c4cb6908ab61dbf182efe',
  '422e4521ecb92fbf237668a31913cba2c4fa72685b43531784f4f591c8554fcf',
  '5de35a66ac1aa9ebfd4ac055d8817157123ee05bb0afc429f66f568361573203',
  '3fe3d5910c66b5a5cb59acddf48dd2de659dc842b89008d9676c5ac44848b94b',
  'c88a26723a64e481f24fbd84d3db548736cf7bd18394e7b89d4f870bb1ce755a',
  '1413fe0e86f2ec98295ac55d4497c79c367be801b8fc464812fdf09915ce4d1d',
]
