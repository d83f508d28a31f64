import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import type { Claim, Store } from '../store/store.ts'
import { type AttemptOptions, attempt } from './attempt.ts'
import { replanFromFuture, SetbackWatch } from './clock-setback.ts'
import { type LaneLimits, Lanes } from './lanes.ts'

/** What the crawler works with. */
export interface CrawlerOptions extends AttemptOptions {
  readonly store: Store
  /** Fetches under way at once. */
  readonly concurrency: LaneLimits
}

/**
 * The loop of the product: takes what is due from the store, fetches it, stores the outcome and when to ask next. All that must not be
 * forgotten is in the store; what is here can be lost at any moment.
 */
export class Crawler {
  readonly #options: CrawlerOptions
  readonly #lanes: Lanes
  readonly #setback: SetbackWatch
  /** Ids of the certificates that are being fetched: a claim may lapse meanwhile, when the wall clock steps. */
  readonly #underWay = new Set<string>()
  /** Aborted, with the reason, when an attempt threw: the program is wrong. */
  readonly #broken = new AbortController()
  #wake: AbortController = new AbortController()

  constructor(options: CrawlerOptions) {
    this.#options = options
    this.#lanes = new Lanes(options.concurrency)
    this.#setback = new SetbackWatch(options.clock)
  }

  /** Fetches under way. */
  get underWay(): number {
    return this.#underWay.size
  }

  /** Something may be due earlier than the store said when the loop went to sleep. */
  wake(): void {
    this.#wake.abort()
  }

  /** Runs until `signal` is aborted and the fetches under way have ended. Rejects only where the program is wrong. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = AbortSignal.any([signal, this.#broken.signal])
    while (!stop.aborted) {
      // Before the look, so that what happens during it is not slept through.
      this.#wake = new AbortController()
      if (this.#setback.look() === 'set-back') await this.#replan()
      const taken = await this.#takeDue(stop)
      if (taken !== 'some') await this.#rest(taken, stop)
    }
    await this.#lanes.idle()
    this.#broken.signal.throwIfAborted()
  }

  /** Starts what is due and has room. `blocked`: something is due, but its lane is full. */
  async #takeDue(stop: AbortSignal): Promise<'some' | 'none' | 'blocked' | 'store-failed'> {
    const { store, clock, events } = this.#options
    let taken = 0
    let blocked = 0
    try {
      for (const responder of await store.dueResponders(clock.now())) {
        const limit = this.#lanes.room(responder)
        if (limit <= 0 || stop.aborted) {
          blocked++
          continue
        }
        const claims = await store.claimDue({ responder, now: clock.now(), limit, lease: LEASE })
        for (const claim of claims) this.#start(responder, claim, stop)
        taken += claims.length
      }
    } catch (error) {
      events.storeFailed({ error })
      return 'store-failed'
    }
    return taken > 0 ? 'some' : blocked > 0 ? 'blocked' : 'none'
  }

  #start(responder: string, claim: Claim, stop: AbortSignal): void {
    const { id } = claim.certificate
    if (this.#underWay.has(id)) return
    this.#underWay.add(id)
    this.#lanes
      .run(responder, () => attempt(claim, this.#options, stop))
      .catch((error: unknown) => this.#broken.abort(error))
      .finally(() => {
        this.#underWay.delete(id)
        this.wake()
      })
  }

  /** Sleeps until something is due, as far as that is known, or `wake` is called, as it is when a fetch has ended. */
  async #rest(why: 'none' | 'blocked' | 'store-failed', stop: AbortSignal): Promise<void> {
    const wait = why === 'none' ? await this.#untilDue() : PAUSE[why]
    // Each fetch that ends wakes it, and a store that fails would be tried, and told of, as often.
    const until = why === 'store-failed' ? stop : AbortSignal.any([stop, this.#wake.signal])
    await this.#options.clock.sleep(wait, until)
  }

  async #untilDue(): Promise<DurationMs> {
    const { store, clock, events } = this.#options
    try {
      const next = await store.nextDueAt()
      if (next === undefined) return LONGEST_REST
      return durationMs(Math.min(LONGEST_REST, Math.max(next - clock.now(), SHORTEST_REST)))
    } catch (error) {
      events.storeFailed({ error })
      return PAUSE['store-failed']
    }
  }

  async #replan(): Promise<void> {
    const { store, clock, events } = this.#options
    try {
      await replanFromFuture(store, clock.now())
    } catch (error) {
      events.storeFailed({ error })
    }
  }
}

/** After a crash a claim lies still for this long; a fetch takes a minute and a half at the very most (8 attempts of 10 s). */
const LEASE: DurationMs = durationMs(3 * MINUTE_MS)
/** The wall clock may step, and a suspended machine sleeps longer than it thinks: look at least this often. */
const LONGEST_REST: DurationMs = durationMs(MINUTE_MS)
/** Another one may have become due since `dueResponders`: not a busy loop. */
const SHORTEST_REST: DurationMs = durationMs(50)
const PAUSE = {
  // While one responder is due and busy, nextDueAt does not tell when another is due.
  blocked: durationMs(SECOND_MS),
  'store-failed': durationMs(5 * SECOND_MS),
} as const
