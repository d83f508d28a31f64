import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { access, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DurationMs, durationMs, plus } from '../der/time.ts'
import {
  encodedAttempt,
  encodedCertificate,
  encodedEdgeState,
  encodedOutputState,
  encodedProbe,
  encodedResponder,
  encodedSchedule,
  encodedStaple,
  whole,
} from './encoding.ts'
import { storeError } from './sqlite-error.ts'
import { SqliteReader } from './sqlite-reader.ts'
import { SqliteWriteQueue } from './sqlite-write-queue.ts'
import { type Store, StoreError } from './store.ts'

/** Where the database is. */
export interface SqliteOptions {
  /** The data folder; the file in it is `everstaple.db`. */
  readonly folder: string
  /** `small`: for an edge, which writes little: with less memory, and without a thread that writes. Default: `large`. */
  readonly size?: 'small' | 'large'
}

/** The part of a store that reports need. */
export type StoreForReading = AsyncDisposable &
  Pick<
    Store,
    | 'certificateIds'
    | 'entries'
    | 'entry'
    | 'changes'
    | 'nextDueAt'
    | 'coverage'
    | 'responderCoverage'
    | 'attempts'
    | 'responders'
    | 'edges'
    | 'edgeStates'
    | 'probes'
    | 'problems'
  >

/**
 * The store of one machine: SQLite in WAL mode, read here, and written by a thread of its own unless it is small. Makes the folder and the database where there
 * are none. One process at a time may have it open. Rejects with a `StoreError` where it cannot.
 */
export async function openSqliteStore({ folder, size = 'large' }: SqliteOptions): Promise<Store> {
  const path = join(folder, FILE_NAME)
  await makePrivately(folder, path)
  const lock = join(folder, LOCK_NAME)
  const data = { path, lock, busyTimeout: BUSY_TIMEOUT, ...SIZES[size] }
  const queue = await SqliteWriteQueue.start(data)
  const reader = await readerBeside(queue, path)
  return {
    ...reading(reader),
    async putCertificates(records, now) {
      for (const piece of pieces(records)) {
        await queue.submit<'put'>({
          kind: 'put',
          records: piece.map(encodedCertificate),
          now: whole(now),
        })
      }
    },
    async removeCertificates(ids) {
      for (const piece of pieces(ids)) {
        await queue.submit<'remove'>({ kind: 'remove', ids: piece })
      }
    },
    async dueResponders(now) {
      return queue.submit<'due-responders'>({ kind: 'due-responders', now: whole(now) })
    },
    async claimDue({ responder, now, limit, lease }) {
      return queue.submit<'claim'>({
        kind: 'claim',
        responder,
        now: whole(now),
        limit: whole(limit),
        leasedUntil: whole(plus(now, lease)),
      })
    },
    async complete(id, schedule, { staple, attempts = [] } = {}) {
      await queue.submit<'complete'>({
        kind: 'complete',
        id,
        schedule: encodedSchedule(schedule),
        staple: staple && encodedStaple(staple),
        attempts: attempts.map(encodedAttempt),
      })
    },
    async replanAttemptedAfter(after, { dueAt, reason }) {
      await queue.submit<'replan'>({
        kind: 'replan',
        after: whole(after),
        dueAt: whole(dueAt),
        reason,
      })
    },
    async putResponder(record) {
      await queue.submit<'put-responder'>({
        kind: 'put-responder',
        record: encodedResponder(record),
      })
    },
    async putOutputStates(id, states) {
      await queue.submit<'put-outputs'>({
        kind: 'put-outputs',
        id,
        states: states.map(encodedOutputState),
      })
    },
    async putEdge(edge, states, extent) {
      await queue.submit<'put-edge'>({
        kind: 'put-edge',
        edge: { ...edge, seenAt: whole(edge.seenAt) },
        states: states.map(encodedEdgeState),
        extent,
      })
    },
    async removeEdge(name) {
      await queue.submit<'remove-edge'>({ kind: 'remove-edge', name })
    },
    async putProbes(target, results) {
      const encoded = results.map(encodedProbe)
      await queue.submit<'put-probes'>({ kind: 'put-probes', target, results: encoded })
    },
    async withdrawStaple(id) {
      await queue.submit<'withdraw'>({ kind: 'withdraw', id })
    },
    async replaceProblems(problems) {
      await queue.submit<'replace-problems'>({ kind: 'replace-problems', problems })
    },
    async [Symbol.asyncDispose]() {
      // First: the last connection moves the log into the database, which a read-only one cannot.
      reader[Symbol.dispose]()
      await queue[Symbol.asyncDispose]()
    },
  }
}

/** Which file the database in the folder is at this moment, to tell it from another one; `undefined` where there is none to be seen. */
export function sqliteFile({ folder }: Pick<SqliteOptions, 'folder'>): string | undefined {
  try {
    const { dev, ino } = statSync(join(folder, FILE_NAME))
    return `${dev}:${ino}`
  } catch {
    return undefined
  }
}

async function readerBeside(queue: SqliteWriteQueue, path: string): Promise<SqliteReader> {
  try {
    return new SqliteReader(path)
  } catch (error) {
    await queue[Symbol.asyncDispose]()
    throw error
  }
}

/** Opens the database of a service, which may be running, without a way to change it. Throws a `StoreError` where there is none to be read. */
export async function openSqliteStoreForReading({
  folder,
}: Pick<SqliteOptions, 'folder'>): Promise<StoreForReading> {
  const path = join(folder, FILE_NAME)
  try {
    accessSync(path, constants.R_OK)
  } catch (cause) {
    throw new StoreError(whyUnreadable(cause, folder), { cause })
  }
  const reader = new SqliteReader(path)
  return { ...reading(reader), [Symbol.asyncDispose]: async () => reader[Symbol.dispose]() }
}

function whyUnreadable(error: unknown, folder: string): string {
  if (error instanceof Error && 'code' in error && error.code === 'EACCES') {
    const owner = ownerOf(folder)
    const whose = owner === undefined ? '' : `: it belongs to ${owner}`
    const who = owner === undefined || owner === 'root' ? 'root' : 'that user or as root'
    return `the data folder ${folder} may not be read by this user${whose}; run this as ${who}`
  }
  return `there is no database ${join(folder, FILE_NAME)}; name the data folder of the service with --data, or start everstaple run first`
}

/** `undefined` where even that may not be seen. */
function ownerOf(folder: string): string | undefined {
  try {
    const { uid } = statSync(folder)
    return uid === 0 ? 'root' : `user ${uid}`
  } catch {
    return undefined
  }
}

function reading(reader: SqliteReader): Omit<StoreForReading, typeof Symbol.asyncDispose> {
  return {
    certificateIds: () => reader.certificateIds(),
    entries: () => reader.entries(),
    entry: async (by) => reader.entry(by),
    changes: async (wanted) => reader.changes(wanted),
    nextDueAt: async () => reader.nextDueAt(),
    coverage: async (now) => reader.coverage(now),
    responderCoverage: (now) => reader.responderCoverage(now),
    attempts: async (responder) => reader.attempts(responder),
    responders: async () => reader.responders(),
    edges: async () => reader.edges(),
    edgeStates: async (of) => reader.edgeStates(of),
    probes: async () => reader.probes(),
    problems: async () => reader.problems(),
  }
}

/** Others on the machine have no business in here; SQLite gives the files beside the database the same mode. */
async function makePrivately(folder: string, path: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await tryToWrite(folder)
    // Never opened where it exists: closing it would drop the locks of another connection of this process.
    if (existsSync(path)) return await access(path, constants.W_OK)
    const file = await open(path, 'ax', 0o600)
    await file.close()
  } catch (error) {
    throw storeError(error, path)
  }
}

/** SQLite opens what it may not write, and says so with the first write only; a disk that has failed is not always said to be read-only. */
async function tryToWrite(folder: string): Promise<void> {
  const path = join(folder, `.everstaple-${process.pid}.tmp`)
  const file = await open(path, 'w', 0o600)
  await file.close()
  await rm(path, { force: true })
}

/** A million at once must not keep other writes waiting, nor all be in memory twice, so they go in pieces. */
function* pieces<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += PIECE) yield all.slice(at, at + PIECE)
}

const FILE_NAME = 'everstaple.db'
const LOCK_NAME = 'everstaple.lock'
const PIECE = 1_000
const SIZES = {
  small: { cacheKib: 1_024, where: 'here' },
  // Holds the indexes of some hundred thousand certificates; SQLite's 2 MB halve the writes per second at that size.
  large: { cacheKib: 64 * 1_024, where: 'thread' },
} as const
/** How long a write waits for another process that writes. */
const BUSY_TIMEOUT: DurationMs = durationMs(3_000)
