import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { inTransaction, openForWriting, withStoreErrors } from './sqlite-database.ts'
import { SqliteWrites, type Write } from './sqlite-writes.ts'
import { type Claim, StoreError } from './store.ts'

/** What the writer's thread is started with. */
export interface WriterData {
  readonly database: string
  /** Held by the one process that writes; released by the system when it dies, however it dies. */
  readonly lock: string
}

/** What the writer answers: at its start `opened` or `failed`, then for each batch `done` or `failed`. */
export type WriterMessage =
  | { readonly kind: 'opened' }
  | { readonly kind: 'done'; readonly results: readonly (readonly Claim[] | undefined)[] }
  | { readonly kind: 'failed'; readonly message: string }

// The thread that writes: the only one, so that a commit, which waits for the disk, never holds up a handshake.
const { database: path, lock } = workerData as WriterData

const answer = (message: WriterMessage) => parentPort?.postMessage(message)

/** Kept, as a lock goes with the connection that holds it. */
const held: DatabaseSync[] = []

try {
  takeLock(lock)
  const database = openForWriting(path)
  const writes = new SqliteWrites(database)
  parentPort?.on('message', (batch: readonly Write[] | 'close') => {
    if (batch === 'close') {
      database.close()
      parentPort?.close()
      return
    }
    try {
      const results = withStoreErrors(path, () =>
        inTransaction(database, () => batch.map((write) => writes.apply(write))),
      )
      answer({ kind: 'done', results })
    } catch (error) {
      answer({ kind: 'failed', message: messageOf(error) })
    }
  })
  answer({ kind: 'opened' })
} catch (error) {
  answer({ kind: 'failed', message: messageOf(error) })
}

function takeLock(file: string): void {
  try {
    // Never read or written: only for SQLite's lock on it, which works on every system and leaves nothing stale behind.
    held.push(withStoreErrors(file, () => new DatabaseSync(file)))
    held[0]?.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    throw new StoreError(
      `'${path}' is in use by another everstaple; stop that one, or give this one a data folder of its own`,
      { cause },
    )
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
