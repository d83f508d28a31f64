import type { DurationMs, EpochMs } from '../der/time.ts'
import type { Staple } from '../ocsp/verdict.ts'
import type { Clock } from '../time/clock.ts'
import { type FileOutput, fileOutput } from './outputs/file.ts'
import type { FileOutputEvents, OutputCertificate } from './outputs/managed-file.ts'
import { type ReloadEvents, type Reloader, startReloader } from './reload.ts'

/** Staples in files, and the command that tells the server. */
export interface FileOutputSettings {
  /** A path template, as `pathTemplate` reads it. */
  readonly file: string
  readonly reload?: string | undefined
  readonly debounce: DurationMs
}

/** Knows what outputs are to hold. */
export interface OutputSource {
  /** The certificate as it is managed now; `undefined` where it is not managed. May reject. */
  current(id: string): Promise<CurrentStaple | undefined>
}

/** What outputs are to hold for a certificate. */
export interface CurrentStaple {
  readonly certificate: OutputCertificate
  /** `undefined` where there is no usable one. */
  readonly staple: Staple | undefined
  /** When another staple, which is there already, takes its place. */
  readonly changesAt: EpochMs | undefined
}

/** What outputs tell. */
export type OutputEvents = FileOutputEvents &
  ReloadEvents & {
    /** The source rejected; the next sweep tries again. */
    storeFailed(event: { readonly error: unknown }): void
  }

/** What the outputs of this machine work with. */
export interface LocalOutputsOptions {
  readonly outputs: readonly FileOutputSettings[]
  readonly source: OutputSource
  readonly clock: Clock
  readonly events: OutputEvents
}

/**
 * Every output of this machine at once. Updates of one certificate are made one after the other, so that the last one decides. Disposing
 * waits for updates under way, then runs pending reloads.
 */
export class LocalOutputs implements AsyncDisposable {
  readonly #files: readonly FileOutput[]
  readonly #reloaders: readonly Reloader[]
  readonly #source: OutputSource
  readonly #events: OutputEvents
  /** The last update of each certificate that has one under way. */
  readonly #turns = new Map<string, Promise<void>>()
  /** Certificates to be brought again, by id: the last update did not come through, or another staple is to take its place. */
  readonly #again = new Map<string, OutputCertificate>()
  #free = MOST_AT_ONCE
  readonly #queue: (() => void)[] = []

  constructor({ outputs, source, clock, events }: LocalOutputsOptions) {
    const now = (): EpochMs => clock.now()
    const made = outputs.map(({ file, reload, debounce }) => {
      const reloader =
        reload === undefined
          ? undefined
          : startReloader({ command: reload, debounce, clock, events })
      const changed = () => reloader?.request()
      return { files: fileOutput({ path: file, now, events, changed }), reloader }
    })
    this.#files = made.map(({ files }) => files)
    this.#reloaders = made.flatMap(({ reloader }) => (reloader === undefined ? [] : [reloader]))
    this.#source = source
    this.#events = events
  }

  /** Brings every output to what the source says of the certificate by now, which may be nothing. Never rejects. */
  async update(certificate: OutputCertificate): Promise<void> {
    if (this.#files.length === 0) return
    const { id } = certificate
    const before = this.#turns.get(id) ?? Promise.resolve()
    const turn = before.then(() => this.#bring(certificate))
    this.#turns.set(id, turn)
    await turn
    if (this.#turns.get(id) === turn) this.#turns.delete(id)
  }

  /**
   * Brings every output to the source after a start: first those with staples, then those without, whose files of a former life
   * must go unless somebody else has the same path now. Rejects only where `certificates` does.
   */
  async updateAll(
    certificates: AsyncIterable<OutputCertificate & { readonly has: 'staple' | 'none' }>,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#files.length === 0) return
    const without: OutputCertificate[] = []
    for await (const certificate of certificates) {
      if (signal.aborted) return
      if (certificate.has === 'none') without.push(certificate)
      else await this.update(certificate)
    }
    for (const certificate of without) {
      if (signal.aborted) return
      await this.update(certificate)
    }
  }

  /** Removes what is past its usableUntil, and brings again what did not come through or was to wait. For every minute or so. */
  async sweep(): Promise<void> {
    const again = [...this.#again.values()]
    for (const certificate of again) await this.update(certificate)
    await Promise.all(this.#files.map((files) => files.sweep()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#turns.values())
    await Promise.all(this.#reloaders.map((reloader) => reloader[Symbol.asyncDispose]()))
  }

  async #bring(certificate: OutputCertificate): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#queue.push(resolve))
    try {
      const current = await this.#source.current(certificate.id)
      const { staple } = current ?? {}
      const as = current?.certificate ?? certificate
      await Promise.all(
        this.#files.map((files) =>
          staple === undefined ? files.withdraw(as) : files.apply(as, staple),
        ),
      )
      if (current?.changesAt === undefined) this.#again.delete(certificate.id)
      else this.#again.set(certificate.id, certificate)
    } catch (error) {
      this.#again.set(certificate.id, certificate)
      this.#events.storeFailed({ error })
    } finally {
      const next = this.#queue.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}

/** Updates at a time: each has a file open or two, of the 1,024 that a process usually may. */
const MOST_AT_ONCE = 16
