import { DatabaseSync } from 'node:sqlite'
import { migrations } from './migrations.ts'
import { StoreError } from './store.ts'

/** The name of the database in the data folder. */
export const DATABASE_FILE = 'everstaple.db'

/** Opens the database for writing and brings its schema up to date. Throws a {@link StoreError}. */
export function openForWriting(path: string): DatabaseSync {
  return withStoreErrors(path, () => {
    const database = new DatabaseSync(path, { timeout: LOCK_WAIT_MS })
    // FULL: what was acknowledged survives loss of power, too. Batches make it cheap.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    migrate(database, path)
    return database
  })
}

/** Opens a database that is there already, beside a service or after it. Throws a {@link StoreError}. */
export function openForReading(path: string): DatabaseSync {
  return withStoreErrors(path, () => {
    const database = new DatabaseSync(path, { readOnly: true, timeout: LOCK_WAIT_MS })
    const version = schemaVersion(database)
    if (version !== migrations.length) throw new StoreError(otherVersion(path, version))
    return database
  })
}

/** Runs `work`; what SQLite throws becomes a {@link StoreError} that says what to do. */
export function withStoreErrors<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError(describe(path, error), { cause: error })
  }
}

/** Runs `work` in one transaction: all of it is durable when this returns, none of it when it throws. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    // SQLite has rolled back by itself after some errors, such as a full disk.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const version = schemaVersion(database)
  if (version > migrations.length) throw new StoreError(otherVersion(path, version))
  migrations.slice(version).forEach((step, index) => {
    inTransaction(database, () => {
      database.exec(step)
      database.exec(`PRAGMA user_version = ${version + index + 1}`)
    })
  })
}

function schemaVersion(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
}

function otherVersion(path: string, version: number): string {
  return version > migrations.length
    ? `'${path}' was written by a newer everstaple (schema ${version}, this one knows ${migrations.length}); run that version, or give another data folder`
    : `'${path}' has the schema of an older everstaple (${version}); start the service once, which brings it up to date`
}

function describe(path: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0
  const advice = adviceByCode.get(code)
  return advice === undefined ? `'${path}': ${message}` : `'${path}': ${message}; ${advice}`
}

/** By SQLite's primary result code. */
const adviceByCode = new Map([
  [5, 'another process holds it; wait, or stop that process'],
  [8, 'make the file and its folder writable for this user'],
  [10, 'the disk reported an error; check it, and its space'],
  [11, 'the file is damaged; move it away, everything in it is fetched again'],
  [13, 'the disk is full; free some space, what could not be stored is fetched again'],
  [14, 'check that the data folder exists and that this user may write there'],
  [26, 'this is no database of everstaple; move it away, or give another data folder'],
])
/** Readers and the writer seldom meet in WAL mode; a check-point takes less than this. */
const LOCK_WAIT_MS = 5_000
