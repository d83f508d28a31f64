import { type DurationMs, durationMs, type EpochMs, epochMs, iso } from '../der/time.ts'
import type { ProbeResult, Store } from '../store/store.ts'
import type { Clock, Random } from '../time/clock.ts'
import { probeResults } from './probe-results.ts'
import { probe } from './prober.ts'
import type { ServerCheck } from './server-check.ts'
import { Tally } from './tally.ts'
import type { Target } from './target.ts'
import { type ServerVerdict, verdictOf } from './verdict.ts'

/** What the watch tells. */
export interface ServerWatchEvents {
  /** A server is not as it should be, or at another level than before: once, however long it lasts. */
  serverTroubled(event: { readonly server: string } & ServerVerdict): void
  /** All is well again. */
  serverWell(event: {
    readonly server: string
    readonly summary: string
    readonly after: DurationMs
  }): void
  /** A check broke down: the program is wrong. */
  serverNotJudged(event: { readonly server: string; readonly error: unknown }): void
  /** What was found is not kept. */
  storeFailed(event: { readonly error: unknown }): void
}

/** What the watch works with. */
export interface ServerWatchOptions {
  readonly targets: readonly Target[]
  /** From one round of checks to the next. */
  readonly every: DurationMs
  readonly check: (target: Target, signal: AbortSignal) => Promise<ServerCheck>
  readonly store: Pick<Store, 'probes' | 'putProbes'>
  readonly clock: Clock
  readonly random: Random
  readonly events: ServerWatchEvents
}

/** Checks the servers of the service over and over, counts, keeps the last results, and tells of changes. */
export class ServerWatch {
  /** Of all handshakes since the start. */
  readonly tally: Tally = new Tally()
  readonly #options: ServerWatchOptions
  readonly #startedAt: EpochMs
  readonly #results = new Map<string, readonly ProbeResult[]>()
  readonly #troubles = new Map<string, Trouble>()

  constructor(options: ServerWatchOptions) {
    this.#options = options
    this.#startedAt = options.clock.now()
  }

  /** Runs until `signal` is aborted. The store is not waited for. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#recall()
    if (this.#options.targets.length === 0) return
    const check = (target: Target) => this.#check(target, signal)
    await probe({ ...this.#options, check, checked: (done) => this.#note(done) }, signal)
  }

  /** Nothing that a server sends may end the service. */
  async #check(target: Target, signal: AbortSignal): Promise<ServerCheck> {
    const { check, clock, events } = this.#options
    try {
      return await check(target, signal)
    } catch (error) {
      const server = target.label
      events.serverNotJudged({ server, error })
      return { target: server, servername: null, at: iso(clock.now()), handshakes: [] }
    }
  }

  /** Takes over since when all is as it is, and forgets servers that are no longer watched. */
  async #recall(): Promise<void> {
    const { store, targets, events } = this.#options
    const watched = new Set(targets.map(({ label }) => label))
    try {
      const kept = Map.groupBy(await store.probes(), ({ target }) => target)
      for (const [target, results] of kept) {
        if (!watched.has(target)) await store.putProbes(target, [])
        else this.#results.set(target, results.map(uncounted))
      }
    } catch (error) {
      events.storeFailed({ error })
    }
  }

  #note(check: ServerCheck): void {
    const { store, events } = this.#options
    const { target } = check
    const before = this.#results.get(target) ?? []
    const results = probeResults(check, { before, countedSince: this.#startedAt })
    this.#results.set(target, results)
    this.tally.add(check)
    this.#tell(check)
    store.putProbes(target, results).catch((error: unknown) => events.storeFailed({ error }))
  }

  #tell(check: ServerCheck): void {
    const { events } = this.#options
    const { target: server } = check
    const { level, summary } = verdictOf(check)
    const at = epochMs(Date.parse(check.at))
    const former = this.#troubles.get(server)
    if (level !== 'OK') {
      this.#troubles.set(server, { level, since: former?.since ?? at })
      if (former?.level !== level) events.serverTroubled({ server, level, summary })
    } else if (former !== undefined) {
      this.#troubles.delete(server)
      events.serverWell({ server, summary, after: durationMs(at - former.since) })
    }
  }
}

interface Trouble {
  readonly level: ServerVerdict['level']
  readonly since: EpochMs
}

function uncounted(result: ProbeResult): ProbeResult {
  return { ...result, handshakes: 0, stapled: 0 }
}
