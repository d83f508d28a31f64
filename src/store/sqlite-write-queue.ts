import { EventEmitter } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { storeError } from './sqlite-error.ts'
import type { Operation, ResultOf } from './sqlite-operations.ts'
import {
  serveWrites,
  type WriterData,
  type WriterReply,
  type WriterRequest,
} from './sqlite-writing.ts'
import { StoreError } from './store.ts'

/**
 * Hands operations to the writer, a batch at a time: while one batch is being committed the next one gathers, so that under
 * load many operations share one fsync and an idle store answers at once. All state is this object's; the writer keeps none.
 *
 * - starting: until the writer has said `open`; nothing is handed over.
 * - idle: nothing is under way; the process may end.
 * - committing: `#underWay` is not empty; everything else waits in `#waiting`.
 * - ended: closed, or the writer's thread has died: every operation is refused.
 */
export class SqliteWriteQueue implements AsyncDisposable {
  readonly #path: string
  readonly #writer: Worker | WriterHere
  readonly #exited: Promise<void>
  #waiting: Pending[] = []
  #underWay: readonly Pending[] = []
  #isFlushPlanned = false
  #ended: StoreError | undefined
  #drained: (() => void) | undefined

  private constructor(data: WriterData) {
    const { path, where } = data
    this.#path = path
    this.#writer = where === 'here' ? new WriterHere(data) : writerThread(data)
    this.#exited = new Promise((resolve) => {
      this.#writer.once('exit', () => {
        this.#fail(new StoreError(`the writer of ${path} has ended; start everstaple again`))
        resolve()
      })
    })
    this.#writer.once('error', (cause: Error) => {
      const message = `the writer of ${path} broke down (${cause.message}); start everstaple again`
      this.#fail(new StoreError(message, { cause }))
    })
  }

  /** Starts the writer, which brings the database to the newest schema. Rejects with a `StoreError` when it cannot. */
  static async start(data: WriterData): Promise<SqliteWriteQueue> {
    const queue = new SqliteWriteQueue(data)
    const writer = queue.#writer
    await new Promise<void>((resolve, reject) => {
      writer.once('error', (error) => reject(storeError(error, data.path)))
      void queue.#exited.then(() => reject(queue.#ended))
      writer.once('message', (reply: WriterReply) => {
        if (reply.kind === 'open') resolve()
        else reject(queue.#errorOf(reply))
      })
    })
    writer.on('message', (reply: WriterReply) => queue.#settle(reply))
    writer.unref()
    return queue
  }

  /** Resolves when the operation is durable. Its bytes and values must not change any more. */
  submit<Kind extends Operation['kind']>(
    operation: Extract<Operation, { kind: Kind }>,
  ): Promise<ResultOf<Kind>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      const settle = (result: unknown) => resolve(result as ResultOf<Kind>)
      this.#waiting.push({ operation, resolve: settle, reject })
      this.#planFlush()
    })
  }

  /** Commits what is waiting, then closes the database. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) {
      this.#ended = new StoreError(`${this.#path} has been closed: the service is stopping`)
      if (this.#waiting.length > 0 || this.#underWay.length > 0) {
        await new Promise<void>((resolve) => {
          this.#drained = resolve
        })
      }
      this.#writer.ref()
      this.#post('close')
    }
    await this.#exited
  }

  /** What one turn of the event loop submits goes together. */
  #planFlush(): void {
    if (this.#isFlushPlanned) return
    this.#isFlushPlanned = true
    queueMicrotask(() => {
      this.#isFlushPlanned = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#underWay.length > 0 || this.#waiting.length === 0) return
    this.#underWay = this.#waiting.splice(0, batchSize(this.#waiting))
    this.#writer.ref()
    this.#post(this.#underWay.map(({ operation }) => operation))
  }

  #post(request: WriterRequest): void {
    this.#writer.postMessage(request)
  }

  #settle(reply: WriterReply): void {
    const settled = this.#underWay
    this.#underWay = []
    this.#writer.unref()
    this.#flush()
    if (reply.kind === 'committed') {
      for (const [at, { resolve }] of settled.entries()) resolve(reply.results[at])
    } else {
      const error = this.#errorOf(reply)
      for (const { reject } of settled) reject(error)
    }
    if (this.#underWay.length === 0 && this.#waiting.length === 0) this.#drained?.()
  }

  #errorOf(reply: WriterReply): StoreError {
    if (reply.kind === 'refused') return new StoreError(reply.message)
    return storeError(reply.kind === 'failed' ? reply.failure : reply.kind, this.#path)
  }

  #fail(error: StoreError): void {
    this.#ended ??= error
    for (const { reject } of [...this.#underWay, ...this.#waiting]) reject(error)
    this.#underWay = []
    this.#waiting = []
    this.#drained?.()
  }
}

interface Pending {
  readonly operation: Operation
  readonly resolve: (result: unknown) => void
  readonly reject: (error: StoreError) => void
}

function writerThread(data: WriterData): Worker {
  // Without the flags of the process: --input-type, say, of a program that embeds us would stop it.
  return new Worker(WRITER, { workerData: data, execArgv: [] })
}

/** What a thread would be, without one. */
class WriterHere extends EventEmitter {
  #take: (request: WriterRequest) => void = () => {}

  constructor(data: WriterData) {
    super()
    serveWrites(
      {
        postMessage: (reply) => setImmediate(() => this.emit('message', reply)),
        on: (_, take) => {
          this.#take = take
        },
        close: () => this.emit('exit'),
      },
      data,
    )
  }

  postMessage(request: WriterRequest): void {
    setImmediate(() => this.#take(request))
  }

  ref(): void {}

  unref(): void {}
}

/** Beside this file, in `src` as TypeScript and in `dist` as JavaScript. */
const WRITER = new URL(`./sqlite-writer${extname(import.meta.url)}`, import.meta.url)

/** How many of these operations go into one transaction. */
function batchSize(waiting: readonly Pending[]): number {
  let rows = 0
  const end = waiting.findIndex(({ operation }) => {
    rows += operation.kind === 'put' ? operation.records.length : 1
    return rows > MAX_BATCH_ROWS
  })
  return end === -1 ? waiting.length : Math.max(1, end)
}

/** Some 50 ms of work, so that an urgent operation does not wait longer than that. */
const MAX_BATCH_ROWS = 1_000
