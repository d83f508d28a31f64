import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { DATABASE_FILE, openForReading } from './sqlite-database.ts'
import { SqliteReads } from './sqlite-reads.ts'
import type { WriterData, WriterMessage } from './sqlite-writer.ts'
import type { Write } from './sqlite-writes.ts'
import type { Claim, Store } from './store.ts'
import { StoreError } from './store.ts'

/**
 * Opens the store in a data folder, which is made if need be. Writes go to a thread of their own, where those that came while the last commit
 * ran are committed together; reads run here, beside it. One process at a time may have it open. Throws a {@link StoreError}.
 */
export async function openSqliteStore({ folder }: { readonly folder: string }): Promise<Store> {
  await makeFolder(folder)
  const path = join(folder, DATABASE_FILE)
  const writer = await Writer.start({ database: path, lock: join(folder, 'everstaple.lock') })
  const reads = new SqliteReads(openForReading(path), path)
  return {
    ...readsOf(reads),
    putCertificates: async (records, now) => {
      for (let i = 0; i < records.length; i += MOST_RECORDS) {
        const part = records.slice(i, i + MOST_RECORDS).map((record) => ({
          ...record,
          der: ownBytes(record.der),
          issuer: record.issuer && ownBytes(record.issuer),
        }))
        await writer.write({ kind: 'put-certificates', records: part, now })
      }
    },
    removeCertificates: async (ids) => {
      await writer.write({ kind: 'remove-certificates', ids })
    },
    claimDue: async (options) => (await writer.write({ kind: 'claim-due', ...options })) ?? [],
    complete: async (id, schedule, staple) => {
      const own = staple && {
        ...staple,
        der: ownBytes(staple.der),
        received: ownBytes(staple.received),
      }
      await writer.write({ kind: 'complete', id, schedule, staple: own })
    },
    withdrawStaple: async (id) => {
      await writer.write({ kind: 'withdraw-staple', id })
    },
    replaceProblems: async (problems) => {
      await writer.write({ kind: 'replace-problems', problems })
    },
    async [Symbol.asyncDispose]() {
      reads.close()
      await writer.close()
    },
  }
}

/** What of a store only reads. */
export type StoreReads = Pick<
  Store,
  'certificateIds' | 'entries' | 'entry' | 'dueResponders' | 'nextDueAt' | 'coverage' | 'problems'
> &
  Disposable

/** Opens a store that is there already only to read it, also while a service has it open. Throws a {@link StoreError}. */
export function readSqliteStore({ folder }: { readonly folder: string }): StoreReads {
  const path = join(folder, DATABASE_FILE)
  const reads = new SqliteReads(openForReading(path), path)
  return { ...readsOf(reads), [Symbol.dispose]: () => reads.close() }
}

function readsOf(reads: SqliteReads): Omit<StoreReads, typeof Symbol.dispose> {
  return {
    certificateIds: async () => reads.certificateIds(),
    entries: () => reads.entries(),
    entry: async (by) => reads.entry(by),
    dueResponders: async (now) => reads.dueResponders(now),
    nextDueAt: async () => reads.nextDueAt(),
    coverage: async (now) => reads.coverage(now),
    problems: async () => reads.problems(),
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new StoreError(
      `data folder '${folder}' cannot be made: ${problem}; give --data a folder that this user may write to`,
      { cause },
    )
  }
}

interface Pending {
  readonly write: Write
  readonly resolve: (result: readonly Claim[] | undefined) => void
  readonly reject: (error: Error) => void
}

/**
 * The near side of the writer's thread. Owns two lists: `waiting`, which gathers while a batch is committed, and `committing`, the batch
 * that the thread has. A failed batch fails all its writes; the next one is tried afresh.
 */
class Writer {
  readonly #worker: Worker
  #waiting: Pending[] = []
  #committing: Pending[] = []
  #dead: StoreError | undefined

  static async start(data: WriterData): Promise<Writer> {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./sqlite-writer.${extension}`, import.meta.url), {
      workerData: data,
    })
    const first = await new Promise<WriterMessage>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject)
    })
    if (first.kind === 'failed') {
      await worker.terminate()
      throw new StoreError(first.message)
    }
    return new Writer(worker)
  }

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (message: WriterMessage) => this.#settle(message))
    worker.on('error', (cause) => this.#die('the writer of the store has stopped', cause))
    worker.on('exit', () => this.#die('the store is closed'))
  }

  write(write: Write): Promise<readonly Claim[] | undefined> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject })
      if (this.#committing.length === 0) this.#commit()
    })
  }

  /** Resolves when all that was written is durable and the database is closed. */
  async close(): Promise<void> {
    if (this.#dead !== undefined) return
    while (this.#committing.length > 0) {
      await new Promise((resolve) => this.#worker.once('message', resolve))
    }
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#worker.postMessage('close')
    await ended
  }

  #commit(): void {
    this.#committing = this.#waiting.splice(0, MOST_WRITES)
    if (this.#committing.length > 0) {
      this.#worker.postMessage(this.#committing.map(({ write }) => write))
    }
  }

  #settle(message: WriterMessage): void {
    const batch = this.#committing
    this.#commit()
    batch.forEach((pending, index) => {
      if (message.kind === 'done') pending.resolve(message.results[index])
      else if (message.kind === 'failed') pending.reject(new StoreError(message.message))
    })
  }

  #die(problem: string, cause?: unknown): void {
    this.#dead ??= new StoreError(`${problem}; restart the service`, { cause })
    for (const { reject } of [...this.#committing, ...this.#waiting]) reject(this.#dead)
    this.#committing = []
    this.#waiting = []
  }
}

/** A copy: a view would take the whole buffer behind it to the other thread. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** A batch of this size takes some ten milliseconds; longer ones make claims wait. */
const MOST_WRITES = 1_000
const MOST_RECORDS = 1_000
