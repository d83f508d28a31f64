import { StoreError } from './store.ts'

/** What is left of an error of SQLite or the file system once it has crossed from the writer's thread. */
export interface SqliteFailure {
  readonly message: string
  /** SQLite's result code, extended (https://www.sqlite.org/rescode.html); `undefined` for other errors. */
  readonly resultCode: number | undefined
}

/** The parts of an error that a message between threads carries. */
export function failureOf(error: unknown): SqliteFailure {
  const resultCode = !(error instanceof Error)
    ? undefined
    : 'errcode' in error && typeof error.errcode === 'number'
      ? error.errcode
      : 'code' in error
        ? fileErrors.get(error.code)
        : undefined
  return { message: error instanceof Error ? error.message : String(error), resultCode }
}

/** Says of the database at `path` what was seen and what to do. A `StoreError` is given back as it is. */
export function storeError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error
  const { message, resultCode } = isFailure(error) ? error : failureOf(error)
  // The low byte is the primary result code.
  const code = resultCode === undefined ? 0 : resultCode & 0xff
  const { problem, advice } = remedies.get(code) ?? OTHER
  const reason = UNWRITABLE.has(code) ? 'unwritable' : 'other'
  return new StoreError(`${path} ${problem} (${message}); ${advice}`, { cause: error, reason })
}

function isFailure(error: unknown): error is SqliteFailure {
  return typeof error === 'object' && error !== null && 'resultCode' in error
}

const START_ANEW =
  'restore a backup, or move everstaple.db, everstaple.db-wal and everstaple.db-shm away: every staple is then fetched again'
const PERMIT =
  'let the user that runs everstaple write to the folder and its files, or name another data folder with --data'
const MOUNT =
  'mount its file system writable, or name another data folder with --data; what was not stored is done again'
const SECOND_PROCESS =
  'a second everstaple, a backup or a shell has the database open for writing: end it'

const remedies: ReadonlyMap<number, { readonly problem: string; readonly advice: string }> =
  new Map([
    [3, { problem: 'may not be written', advice: PERMIT }],
    [5, { problem: 'is locked by another process', advice: SECOND_PROCESS }],
    [6, { problem: 'is locked by another process', advice: SECOND_PROCESS }],
    [8, { problem: 'cannot be written', advice: MOUNT }],
    [
      10,
      {
        problem: 'cannot be read or written',
        advice:
          'make sure that the disk is sound, not mounted read-only, and has space; what was not stored is done again',
      },
    ],
    [11, { problem: 'is corrupted', advice: START_ANEW }],
    [
      13,
      {
        problem: 'has no space to grow: the disk is full',
        advice: 'make space; what was not stored is done again',
      },
    ],
    [14, { problem: 'cannot be opened', advice: PERMIT }],
    [26, { problem: 'is not an SQLite database', advice: START_ANEW }],
  ])

const OTHER = { problem: 'cannot be used', advice: 'see the cause' }
/** SQLITE_READONLY, SQLITE_IOERR and SQLITE_FULL: of the disk, rather than of who may do what. */
const UNWRITABLE: ReadonlySet<number> = new Set([8, 10, 13])

/** Errors of the file system as SQLite would call them. */
const fileErrors: ReadonlyMap<unknown, number> = new Map([
  ['EACCES', 3],
  ['EPERM', 3],
  ['EROFS', 8],
  ['EIO', 10],
  ['ENOSPC', 13],
  ['EDQUOT', 13],
  ['EISDIR', 14],
  ['ENOTDIR', 14],
  ['EEXIST', 14],
])
