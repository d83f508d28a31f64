import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { DurationMs } from '../der/time.ts'
import { migrate } from './migrations.ts'
import { failureOf, type SqliteFailure } from './sqlite-error.ts'
import { type Operation, SqliteOperations } from './sqlite-operations.ts'
import { StoreError } from './store.ts'

/** What the writer is started with. */
export interface WriterData {
  /** Path of the database file. */
  readonly path: string
  /** Path of a file that the one process that writes holds a lock on. */
  readonly lock: string
  /** How long a statement waits for another process that writes. */
  readonly busyTimeout: DurationMs
}

/** What the writer is told: a batch, all of which becomes durable or none, or to close. */
export type WriterRequest = readonly Operation[] | 'close'

/** What the writer says: once when it is open, then once for each batch, with one result for each operation. */
export type WriterReply =
  | { readonly kind: 'open' }
  | { readonly kind: 'committed'; readonly results: readonly unknown[] }
  | { readonly kind: 'failed'; readonly failure: SqliteFailure }
  /** A message that is already fit for people. */
  | { readonly kind: 'refused'; readonly message: string }

const SQLITE_BUSY = 5
/** Holds the indexes of some hundred thousand certificates; SQLite's 2 MB halve the writes per second at that size. */
const CACHE_KIB = 64 * 1024
/** 16 MB: each moves the log into the database and waits for the disk twice. */
const CHECKPOINT_PAGES = 4_096
/** What the log shrinks to after a burst. */
const MAX_IDLE_WAL_BYTES = 64 * 1024 * 1024

// The thread that writes: its whole life is below. Started by SqliteWriteQueue only.
const port = parentPort
if (port !== null) serve(port, workerData as WriterData)

function serve(port: NonNullable<typeof parentPort>, data: WriterData): void {
  const reply = (message: WriterReply): void => port.postMessage(message)
  try {
    const lock = takeLock(data)
    const database = openForWriting(data)
    const operations = new SqliteOperations(database)
    port.on('message', (request: WriterRequest) => {
      if (request === 'close') {
        database.close()
        lock.close()
        port.close()
      } else {
        reply(commit(database, operations, request))
      }
    })
    reply({ kind: 'open' })
  } catch (error) {
    reply(refusal(error))
    port.close()
  }
}

/**
 * Two services would fetch and write everything twice. SQLite's lock on a file without content works on every system, and the system lets
 * go of it when the process dies, however it dies.
 */
function takeLock({ path, lock }: WriterData): DatabaseSync {
  const holder = new DatabaseSync(lock)
  try {
    holder.exec('BEGIN EXCLUSIVE')
    return holder
  } catch (cause) {
    holder.close()
    if ((failureOf(cause).resultCode ?? 0) !== SQLITE_BUSY) throw cause
    throw new StoreError(
      `${path} is in use by another everstaple; stop that one, or give this one another data folder with --data`,
      { cause },
    )
  }
}

function openForWriting({ path, busyTimeout }: WriterData): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeout })
  try {
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA journal_size_limit = ${MAX_IDLE_WAL_BYTES}`)
    migrate(database)
  } catch (error) {
    database.close()
    throw error
  }
  return database
}

function commit(
  database: DatabaseSync,
  operations: SqliteOperations,
  batch: readonly Operation[],
): WriterReply {
  try {
    database.exec('BEGIN IMMEDIATE')
    const results = batch.map((operation) => operations.apply(operation))
    database.exec('COMMIT')
    return { kind: 'committed', results }
  } catch (error) {
    // A full disk may have ended the transaction by itself.
    if (database.isTransaction) database.exec('ROLLBACK')
    return refusal(error)
  }
}

function refusal(error: unknown): WriterReply {
  return error instanceof StoreError
    ? { kind: 'refused', message: error.message }
    : { kind: 'failed', failure: failureOf(error) }
}
