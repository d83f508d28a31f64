import type { ServerProcess } from '../../lab/server-process.ts'
import type { Target } from './clients.ts'
import type { ServerKind } from './server-kinds.ts'
import type { StageCertificate } from './stage.ts'

/** The TLS servers of the demo. They end when disposed of. */
export class Servers implements AsyncDisposable {
  readonly #certificates: readonly StageCertificate[]
  readonly #running: Running[] = []
  readonly #rows: (readonly string[])[] = []

  constructor(certificates: readonly StageCertificate[]) {
    this.#certificates = certificates
  }

  /** Starts one with all certificates. Where that cannot be it is left out, and its row says why. */
  async start(kind: ServerKind): Promise<void> {
    try {
      const server = await kind.start(undefined)
      this.#running.push({ kind, server })
      this.#rows.push([kind.name, `127.0.0.1:${server.port}`, kind.how])
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      this.#rows.push([kind.name, '-', `left out: ${problem}`])
    }
  }

  /** Ends all of them and starts them again where they were: whatever they had in memory is gone. */
  async restart(): Promise<void> {
    const restarting = this.#running.map(async (each) => {
      await each.server[Symbol.asyncDispose]()
      each.server = await each.kind.start(each.server.port)
    })
    await Promise.all(restarting)
  }

  get targets(): readonly Target[] {
    return this.#running.flatMap(({ kind: { name, feed }, server: { port } }) =>
      this.#certificates.map((certificate) => ({ server: name, feed, port, certificate })),
    )
  }

  /** A row per server: name, address, how it gets its staples. */
  get rows(): readonly (readonly string[])[] {
    return this.#rows
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map(({ server }) => server[Symbol.asyncDispose]()))
  }
}

interface Running {
  readonly kind: ServerKind
  server: ServerProcess
}
