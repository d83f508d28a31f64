import { DatabaseSync } from 'node:sqlite'
import { type DurationMs, durationMs } from '../der/time.ts'
import { FileLockError, lockFile } from './file-lock.ts'
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
  /** How much of the database SQLite may keep in memory, in KiB. */
  readonly cacheKib: number
  /** `thread`: in a thread of its own. `here`: in this one, which stands still meanwhile; it takes some 15 MB less memory. */
  readonly where: 'thread' | 'here'
}

/** The writer's end of the line to its queue; a `MessagePort` is one. */
export interface WriterPort {
  postMessage(reply: WriterReply): void
  on(event: 'message', take: (request: WriterRequest) => void): void
  close(): void
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

/** 16 MB: each moves the log into the database and waits for the disk twice. */
const CHECKPOINT_PAGES = 4_096
/** What the log shrinks to after a burst. */
const MAX_IDLE_WAL_BYTES = 64 * 1024 * 1024

/**
 * Lets changes be numbered from the time on, so that one which had the database before, and was put aside for a backup of it, has given none of these
 * numbers to another change: whoever follows the changes would miss it. In hundredths of a millisecond, as no disk takes changes faster.
 */
const NUMBER_BY_TIME = `
  UPDATE sqlite_sequence SET seq = max(seq, CAST(unixepoch('subsec') * 100000 AS INTEGER))
  WHERE name = 'change'`

/** Opens the database, says so, and does what it is told over `port` until that is `close`. */
export function serveWrites(port: WriterPort, data: WriterData): void {
  const reply = (message: WriterReply): void => port.postMessage(message)
  try {
    const lock = takeLock(data)
    const database = openForWriting(data)
    const operations = new SqliteOperations(database)
    let isFirst = true
    port.on('message', (request: WriterRequest) => {
      if (request === 'close') {
        database.close()
        lock[Symbol.dispose]()
        port.close()
      } else {
        const outcome = commit(database, operations, { batch: request, isFirst })
        if (outcome.kind === 'committed') isFirst = false
        reply(outcome)
      }
    })
    reply({ kind: 'open' })
  } catch (error) {
    reply(refusal(error))
    port.close()
  }
}

/** Two services would fetch and write everything twice. */
function takeLock({ path, lock }: WriterData): Disposable {
  try {
    return lockFile(lock, durationMs(0))
  } catch (cause) {
    if (!(cause instanceof FileLockError)) throw cause
    throw new StoreError(
      `${path} is in use by another everstaple; stop that one, or give this one another data folder with --data`,
      { cause },
    )
  }
}

function openForWriting({ path, busyTimeout, cacheKib }: WriterData): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeout })
  try {
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = -${cacheKib};
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
  { batch, isFirst }: { readonly batch: readonly Operation[]; readonly isFirst: boolean },
): WriterReply {
  try {
    database.exec('BEGIN IMMEDIATE')
    if (isFirst) database.exec(NUMBER_BY_TIME)
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
