import { type DurationMs, durationMs, SECOND_MS } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'
import {
  openSqliteStore,
  openSqliteStoreForReading,
  type SqliteOptions,
  type StoreForReading,
  sqliteFile,
} from './sqlite.ts'
import { storeError } from './sqlite-error.ts'
import { type Store, StoreError } from './store.ts'

/** What a patient store works with. */
export interface PatientStoreOptions extends SqliteOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly events: {
    storeFailed(event: { readonly error: unknown }): void
    /** A write has come through, the first one after one that did not. */
    storeWorks(): void
  }
}

/**
 * The store of `openSqliteStore`. Where it cannot be written when it is opened, as its disk is full, read-only or failing, what is in it is
 * read all the same: staples last for days, and the machine may have been started again for the very fault of its disk. Writes reject until
 * it can be opened for writing, which they try. Rejects as `openSqliteStore` where something else is wrong, or there is nothing to read.
 */
export async function openPatientStore(options: PatientStoreOptions): Promise<Store> {
  const store = await opened(options)
  return {
    certificateIds: () => store.read((from) => from.certificateIds()),
    entries: () => store.entries(),
    entry: (by) => store.read((from) => from.entry(by)),
    changes: (wanted) => store.read((from) => from.changes(wanted)),
    nextDueAt: () => store.read((from) => from.nextDueAt()),
    coverage: (now) => store.read((from) => from.coverage(now)),
    responderCoverage: (now) => store.read((from) => from.responderCoverage(now)),
    attempts: (responder) => store.read((from) => from.attempts(responder)),
    responders: () => store.read((from) => from.responders()),
    edges: () => store.read((from) => from.edges()),
    edgeStates: (of) => store.read((from) => from.edgeStates(of)),
    probes: () => store.read((from) => from.probes()),
    problems: () => store.read((from) => from.problems()),
    putCertificates: (records, now) => store.write((to) => to.putCertificates(records, now)),
    removeCertificates: (ids) => store.write((to) => to.removeCertificates(ids)),
    dueResponders: (now) => store.write((to) => to.dueResponders(now)),
    claimDue: (wanted) => store.write((to) => to.claimDue(wanted)),
    complete: (id, schedule, outcome) => store.write((to) => to.complete(id, schedule, outcome)),
    replanAttemptedAfter: (after, plan) =>
      store.write((to) => to.replanAttemptedAfter(after, plan)),
    putResponder: (record) => store.write((to) => to.putResponder(record)),
    putOutputStates: (id, states) => store.write((to) => to.putOutputStates(id, states)),
    putEdge: (edge, states, extent) => store.write((to) => to.putEdge(edge, states, extent)),
    removeEdge: (name) => store.write((to) => to.removeEdge(name)),
    putProbes: (target, results) => store.write((to) => to.putProbes(target, results)),
    withdrawStaple: (id) => store.write((to) => to.withdrawStaple(id)),
    replaceProblems: (problems) => store.write((to) => to.replaceProblems(problems)),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

async function opened(options: PatientStoreOptions): Promise<PatientStore> {
  try {
    return new PatientStore(options, await openWhole(options))
  } catch (error) {
    if (!(error instanceof StoreError) || error.reason !== 'unwritable') throw error
    const store = await openSqliteStoreForReading(options).catch(() => {
      throw error
    })
    options.events.storeFailed({ error })
    return new PatientStore(options, { kind: 'read-only', store, refusal: error })
  }
}

async function openWhole(options: SqliteOptions): Promise<Whole> {
  const store = await openSqliteStore(options)
  return { kind: 'whole', store, file: sqliteFile(options) }
}

interface Whole {
  readonly kind: 'whole'
  readonly store: Store
  /** As of `sqliteFile`. */
  readonly file: string | undefined
}

type Opened =
  | Whole
  | { readonly kind: 'read-only'; readonly store: StoreForReading; readonly refusal: StoreError }
  | { readonly kind: 'unreadable'; readonly store: undefined; readonly refusal: StoreError }

/**
 * - whole: for as long as the file that is open is the one in the folder. Where a write fails, the disk may have been repaired and mounted
 *   anew since: then it is read-only.
 * - read-only: each write tries to make it whole, at most once a second. The connection for reading must be closed before: on a read-only
 *   disk, SQLite maps the index of the log for reading only, for all of the process.
 * - unreadable: as read-only, when the disk cannot even be read any more.
 */
class PatientStore implements AsyncDisposable {
  readonly #options: PatientStoreOptions
  #opened: Opened
  /** How many read at this moment, from the connection that may be about to be closed. */
  #readers = 0
  #opening: Promise<Store> | undefined
  #triedAt: DurationMs
  #hasFailed: boolean
  #isEnding = false

  constructor(options: PatientStoreOptions, opened: Opened) {
    this.#options = options
    this.#opened = opened
    this.#triedAt = options.clock.monotonic()
    this.#hasFailed = opened.kind === 'read-only'
  }

  async read<Result>(operation: (store: StoreForReading) => Promise<Result>): Promise<Result> {
    const store = await this.#begin()
    try {
      return await operation(store)
    } finally {
      this.#readers--
    }
  }

  async *entries(): ReturnType<Store['entries']> {
    const store = await this.#begin()
    try {
      yield* store.entries()
    } finally {
      this.#readers--
    }
  }

  async write<Result>(operation: (store: Store) => Promise<Result>): Promise<Result> {
    try {
      const result = await this.#tryToWrite(operation)
      if (this.#hasFailed) this.#options.events.storeWorks()
      this.#hasFailed = false
      return result
    } catch (error) {
      this.#hasFailed = true
      throw error
    }
  }

  async #tryToWrite<Result>(operation: (store: Store) => Promise<Result>): Promise<Result> {
    const store = await this.#whole()
    try {
      return await operation(store)
    } catch (error) {
      if (!(error instanceof StoreError) || error.reason !== 'unwritable') throw error
      const opened = this.#opened
      if (opened.kind === 'whole' && opened.store === store) {
        const file = sqliteFile(this.#options)
        if (file === undefined || file === opened.file) throw error
        this.#opened = { kind: 'read-only', store, refusal: error }
      }
      return await operation(await this.#whole())
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    await this.#opening?.catch(() => {})
    await this.#opened.store?.[Symbol.asyncDispose]()
  }

  async #begin(): Promise<StoreForReading> {
    await this.#opening?.catch(() => {})
    const opened = this.#opened
    if (opened.kind === 'unreadable') throw opened.refusal
    this.#readers++
    return opened.store
  }

  async #whole(): Promise<Store> {
    const opened = this.#opened
    if (opened.kind === 'whole') return opened.store
    const isSoon = this.#options.clock.monotonic() - this.#triedAt < BETWEEN_OPENINGS
    const isIdle = !isSoon && !this.#isEnding && this.#readers === 0
    if (this.#opening === undefined && !isIdle) throw opened.refusal
    this.#opening ??= this.#open(opened.store).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(reader: StoreForReading | undefined): Promise<Store> {
    await reader?.[Symbol.asyncDispose]()
    try {
      const opened = await openWhole(this.#options)
      this.#opened = opened
      return opened.store
    } catch (error) {
      const refusal = storeError(error, this.#options.folder)
      const store = await openSqliteStoreForReading(this.#options).catch(() => undefined)
      this.#opened =
        store === undefined
          ? { kind: 'unreadable', store, refusal }
          : { kind: 'read-only', store, refusal }
      throw refusal
    } finally {
      this.#triedAt = this.#options.clock.monotonic()
    }
  }
}

/** Many writes come at once, and each opening may take a thread. */
const BETWEEN_OPENINGS: DurationMs = durationMs(SECOND_MS)
