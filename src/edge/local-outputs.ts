import type { EpochMs } from '../der/time.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { Staple } from '../ocsp/verdict.ts'
import type { OutputState } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { heldStaple } from './held-staple.ts'
import { OutputStates } from './output-states.ts'
import type { Found, OutputCertificate } from './outputs/file-plan.ts'
import { type OutputSettings, ServerOutput, type ServerOutputEvents } from './server-output.ts'

/** Knows what outputs are to hold, and keeps how they stand. */
export interface OutputSource {
  /** The certificate as it is managed now; `undefined` where it is not managed. May reject. */
  current(id: string): Promise<CurrentStaple | undefined>
  /** Makes the states of a certificate last, in place of those of before. May reject. */
  keep(id: string, states: readonly OutputState[]): Promise<void>
}

/** What outputs are to hold for a certificate. */
export interface CurrentStaple {
  readonly certificate: OutputCertificate
  /** `undefined` where there is no usable one. */
  readonly staple: Staple | undefined
  /** What becomes of a good one that stands in a file while there is none here. */
  readonly found: Found
  /** Whether there can be one at all; where not, outputs have nothing to do with the certificate. */
  readonly wants: 'staple' | 'nothing'
  /** When another staple, which is there already, takes its place. */
  readonly changesAt: EpochMs | undefined
  /** What was kept. */
  readonly states: readonly OutputState[]
}

/** What outputs tell. */
export type OutputEvents = ServerOutputEvents & {
  /** The source rejected; the next sweep tries again. */
  storeFailed(event: { readonly error: unknown }): void
}

/** What the outputs of this machine work with. */
export interface LocalOutputsOptions {
  readonly outputs: readonly OutputSettings[]
  readonly source: OutputSource
  /** What a staple found on disk must pass to stay there. */
  readonly policy: Policy
  readonly clock: Clock
  readonly events: OutputEvents
}

/**
 * Every output of this machine at once. Updates of one certificate are made one after the other, so that the last one decides. Disposing
 * waits for updates under way, then runs pending reloads.
 */
export class LocalOutputs implements AsyncDisposable {
  readonly #outputs: readonly ServerOutput[]
  readonly #states: OutputStates
  readonly #source: OutputSource
  readonly #events: OutputEvents
  /** The last update of each certificate that has one under way. */
  readonly #turns = new Map<string, Promise<void>>()
  /** Certificates to be brought again, by id: the last update did not come through, or another staple is to take its place. */
  readonly #again = new Map<string, OutputCertificate>()
  /** The usableUntil of the staples that outputs have, by id. */
  readonly #ends = new Map<string, EpochMs>()
  #free = MOST_AT_ONCE
  readonly #queue: (() => void)[] = []

  constructor({ outputs, source, policy, clock, events }: LocalOutputsOptions) {
    const now = (): EpochMs => clock.now()
    const keep = (id: string, states: readonly OutputState[]) => source.keep(id, states)
    this.#states = new OutputStates({ now, keep })
    this.#outputs = outputs.map(
      (settings) =>
        new ServerOutput({
          settings,
          clock,
          events,
          states: this.#states,
          held: (bytes, certificate) => heldStaple(bytes, certificate, { now: now(), policy }),
          reloaded: () => void this.#flush(),
        }),
    )
    this.#source = source
    this.#events = events
  }

  /** Brings every output to what the source says of the certificate by now, which may be nothing. Never rejects. */
  async update(certificate: OutputCertificate): Promise<void> {
    if (this.#outputs.length === 0) return
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
    if (this.#outputs.length === 0) return
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

  /**
   * Resolves once every output was tried with what the certificate has, reload included, and gives how each place stands. One that
   * is not `live` is tried again by itself: at the next sweep, or by the back-off of its reload. Never rejects.
   */
  async settled(id: string): Promise<readonly OutputState[]> {
    while (true) {
      const turn = this.#turns.get(id)
      const reloads = this.#outputs.flatMap((output) => output.untried(id) ?? [])
      if (turn === undefined && reloads.length === 0) break
      await Promise.all([turn, ...reloads])
    }
    await this.#flush()
    return this.#states.of(id)
  }

  /** When the next staple ends after `now`: the moment for a sweep. */
  nextEnd(now: EpochMs): EpochMs | undefined {
    let next: EpochMs | undefined
    for (const end of this.#ends.values()) {
      if (end > now && (next === undefined || end < next)) next = end
    }
    return next
  }

  /** Removes what is past its usableUntil, and brings again what did not come through or was to wait. For every minute or so, and at each end. */
  async sweep(): Promise<void> {
    const again = [...this.#again.values()]
    for (const certificate of again) await this.update(certificate)
    await Promise.all(this.#outputs.map((output) => output.sweep()))
    await this.#flush()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#turns.values())
    await Promise.all(this.#outputs.map((output) => output[Symbol.asyncDispose]()))
    await this.#flush()
  }

  async #bring(certificate: OutputCertificate): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#queue.push(resolve))
    try {
      const current = await this.#source.current(certificate.id)
      await this.#apply(certificate, current)
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
    void this.#flush()
  }

  async #apply(certificate: OutputCertificate, current: CurrentStaple | undefined): Promise<void> {
    const { id } = certificate
    if (current?.wants !== 'staple') {
      this.#ends.delete(id)
      const as = current?.certificate ?? certificate
      await Promise.all(this.#outputs.map((output) => output.withdraw(as)))
      if (current === undefined) this.#states.forget(id)
      else this.#states.retain(id, () => false)
      return
    }
    const { certificate: as, staple, found, states } = current
    if (staple === undefined) this.#ends.delete(id)
    else this.#ends.set(id, staple.usableUntil)
    this.#states.remember(id, states)
    await Promise.all(this.#outputs.map((output) => output.apply(as, staple, found)))
    const have = this.#outputs.map((output) => output.has(as))
    this.#states.retain(id, (state) => have.some((has) => has(state)))
  }

  async #flush(): Promise<void> {
    try {
      await this.#states.flush()
    } catch (error) {
      this.#events.storeFailed({ error })
    }
  }
}

/** Updates at a time: each has a file open or two, of the 1,024 that a process usually may. */
const MOST_AT_ONCE = 16
