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

/** What the outputs of this machine work with. */
export interface LocalOutputsOptions {
  readonly outputs: readonly FileOutputSettings[]
  readonly staples: { byId(id: string): Promise<Staple | undefined> }
  readonly clock: Clock
  readonly events: FileOutputEvents & ReloadEvents
}

/** Every output of this machine at once. No method rejects but for a failing source of staples. */
export class LocalOutputs implements AsyncDisposable {
  readonly #files: readonly FileOutput[]
  readonly #reloaders: readonly Reloader[]
  readonly #staples: LocalOutputsOptions['staples']

  constructor({ outputs, staples, clock, events }: LocalOutputsOptions) {
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
    this.#staples = staples
  }

  /** Brings every output to the staple that the certificate has now, which may be none. */
  async update(certificate: OutputCertificate): Promise<void> {
    if (this.#files.length === 0) return
    const staple = await this.#staples.byId(certificate.id)
    if (staple === undefined) await this.remove(certificate)
    else await Promise.all(this.#files.map((files) => files.apply(certificate, staple)))
  }

  /** The certificate is no longer managed. */
  async remove(certificate: OutputCertificate): Promise<void> {
    await Promise.all(this.#files.map((files) => files.withdraw(certificate)))
  }

  /**
   * Brings every output to the store after a start: first those with staples, then those without, whose files of a former life
   * must go unless somebody else has the same path now.
   */
  async updateAll(certificates: AsyncIterable<OutputCertificate>): Promise<void> {
    const without: OutputCertificate[] = []
    for await (const certificate of certificates) {
      const staple = await this.#staples.byId(certificate.id)
      if (staple === undefined) without.push(certificate)
      else await Promise.all(this.#files.map((files) => files.apply(certificate, staple)))
    }
    for (const certificate of without) await this.remove(certificate)
  }

  /** Removes what is past its usableUntil, and tries again what failed. For every minute or so. */
  async sweep(): Promise<void> {
    await Promise.all(this.#files.map((files) => files.sweep()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#reloaders.map((reloader) => reloader[Symbol.asyncDispose]()))
  }
}
