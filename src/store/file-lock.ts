import { DatabaseSync } from 'node:sqlite'
import type { DurationMs } from '../der/time.ts'
import { failureOf } from './sqlite-error.ts'

/** Somebody else has the lock, and kept it for as long as was waited. */
export class FileLockError extends Error {
  override readonly name = 'FileLockError'
}

/**
 * Locks a file without content, which is made where there is none, until it is disposed of: SQLite's lock works on every system, and the system
 * lets go of it when the process dies, however it dies. This thread stands still while it waits. Throws a {@link FileLockError}, and what SQLite does.
 */
export function lockFile(path: string, patience: DurationMs): Disposable {
  const holder = new DatabaseSync(path, { timeout: patience })
  try {
    holder.exec('BEGIN EXCLUSIVE')
    return { [Symbol.dispose]: () => holder.close() }
  } catch (cause) {
    holder.close()
    if ((failureOf(cause).resultCode ?? 0) !== SQLITE_BUSY) throw cause
    throw new FileLockError(`${path} is locked by another process`, { cause })
  }
}

const SQLITE_BUSY = 5
