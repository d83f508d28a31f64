import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import type { Sign } from '../responders/health.ts'
import type { Claim, Store } from '../store/store.ts'
import { type AttemptContext, type AttemptEvents, type AttemptOptions, attempt } from './attempt.ts'
import { ClockComparison, type ClockEvents } from './clock-comparison.ts'
import { replanFromFuture, SetbackWatch } from './clock-setback.ts'
import { ResponderBook, type ResponderEvents } from './responder-book.ts'
import { Ripening } from './ripening.ts'

/** What the crawler works with. */
export interface CrawlerOptions extends AttemptOptions {
  readonly store: Store
  readonly events: CrawlerEvents
  readonly limits: CrawlerLimits
}

/** What the crawler tells. */
export type CrawlerEvents = AttemptEvents & ResponderEvents & ClockEvents

/** How many fetches may be under way at once, over all and for one responder, and how many requests one responder gets in a second. */
export interface CrawlerLimits {
  readonly total: number
  readonly perResponder: number
  readonly ratePerSecond: number
}

/**
 * The loop of the product: takes what is due from the store, fetches it, stores the outcome and when to ask next. All that must not be
 * forgotten is in the store; what is here can be lost at any moment.
 */
export class Crawler {
  readonly #options: CrawlerOptions
  readonly #context: AttemptContext
  readonly #book: ResponderBook
  readonly #setback: SetbackWatch
  /** Ids of the certificates that are claimed, being fetched or stored: a claim may lapse meanwhile, when the wall clock steps. */
  readonly #underWay = new Set<string>()
  /** Claimed ahead by responder, so that a place that gets free need not wait for the store. */
  readonly #ahead = new Map<string, Claim[]>()
  #fetching = 0
  /** Somebody waits for a place of the total: it is for the most urgent, not for who had it. */
  #isCrowded = false
  /** Aborted, with the reason, when an attempt threw: the program is wrong. */
  readonly #broken = new AbortController()
  #wake: AbortController = new AbortController()
  #ended: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  #rememberedAt: DurationMs

  constructor(options: CrawlerOptions) {
    this.#options = options
    const { clock, random, events, limits } = options
    const { perResponder: concurrency, ratePerSecond } = limits
    this.#book = new ResponderBook({
      ...{ clock, random, events },
      limits: { concurrency, ratePerSecond },
    })
    this.#context = {
      ...options,
      book: this.#book,
      clocks: new ClockComparison(events),
      ripening: new Ripening(options),
    }
    this.#setback = new SetbackWatch(clock)
    this.#rememberedAt = clock.monotonic()
  }

  /** Certificates that are being fetched or stored. */
  get underWay(): number {
    return this.#underWay.size
  }

  /** Something may be due earlier than the store said when the loop went to sleep. */
  wake(): void {
    this.#wake.abort('woken')
  }

  /** Runs until `signal` is aborted and the fetches under way have ended. Rejects only where the program is wrong. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const stop = AbortSignal.any([signal, this.#broken.signal])
    stop.addEventListener('abort', () => this.wake(), { once: true })
    await this.#recall(stop)
    while (!stop.aborted) {
      // Before the look, so that what happens during it is not slept through.
      this.#wake = new AbortController()
      if (this.#setback.look() === 'set-back') await this.#replan()
      const taken = await this.#takeDue(stop)
      if (clock.monotonic() - this.#rememberedAt >= REMEMBER_EVERY) await this.#remember()
      if (taken !== 'some') await this.#rest(taken, stop)
    }
    for (const responder of this.#ahead.keys()) this.#handBack(responder)
    while (this.#underWay.size > 0) await this.#ended.promise
    await this.#remember()
    this.#broken.signal.throwIfAborted()
  }

  /** Starts what is due and has room; else for how long there is none. */
  async #takeDue(stop: AbortSignal): Promise<'some' | Rest> {
    const { store, clock, events } = this.#options
    let isTaken = false
    let roomIn: number | undefined
    this.#isCrowded = false
    try {
      const due = new Set(await store.dueResponders(clock.now()))
      for (const responder of due.union(this.#ahead)) {
        if (stop.aborted) break
        if (due.has(responder) && (await this.#claim(responder)) > 0) isTaken = true
        if (this.#startAhead(responder, stop) > 0) isTaken = true
        else
          roomIn = Math.min(roomIn ?? PAUSE.blocked, this.#book.roomIn(responder) ?? PAUSE.blocked)
      }
    } catch (error) {
      events.storeFailed({ error })
      return { why: 'store-failed', wait: PAUSE['store-failed'] }
    }
    if (isTaken) return 'some'
    if (roomIn !== undefined)
      return { why: 'blocked', wait: durationMs(Math.max(roomIn, SHORTEST_REST)) }
    // Whatever ends next wakes it, so that it looks often enough without asking the store when.
    const isBusy = this.#underWay.size > 0
    return { why: 'none', wait: isBusy ? PAUSE.blocked : await this.#untilDue() }
  }

  /** Claims for the places that are free, and as many again for those that get free next. */
  async #claim(responder: string): Promise<number> {
    const { store, clock, limits } = this.#options
    const [room, window] = [this.#book.room(responder), this.#book.window(responder)]
    const places = Math.min(room, limits.total - this.#fetching)
    const claimed = this.#ahead.get(responder) ?? []
    const isLow = claimed.length <= window / 2
    const limit = Math.min(
      places + (isLow ? window : 0) - claimed.length,
      MOST_UNDER_WAY - this.#underWay.size,
    )
    if (room > places) this.#isCrowded = true
    if (limit <= 0) return 0
    const claims = await store.claimDue({ responder, now: clock.now(), limit, lease: LEASE })
    const fresh = claims.filter(({ certificate: { id } }) => !this.#underWay.has(id))
    for (const { certificate } of fresh) this.#underWay.add(certificate.id)
    if (fresh.length > 0)
      this.#ahead.set(responder, [...(this.#ahead.get(responder) ?? []), ...fresh])
    return fresh.length
  }

  /** Starts what was claimed ahead, as far as there are places for it. */
  #startAhead(responder: string, stop: AbortSignal): number {
    const claims = this.#ahead.get(responder) ?? []
    const places = Math.min(this.#book.room(responder), this.#options.limits.total - this.#fetching)
    const started = claims.splice(0, Math.max(0, places))
    for (const claim of started) this.#start(responder, claim, stop)
    if (claims.length === 0) this.#ahead.delete(responder)
    return started.length
  }

  #start(responder: string, claim: Claim, stop: AbortSignal): void {
    this.#fetching++
    const begun = this.#book.begin(responder)
    // What is left to do then takes nothing of the responder: the next fetch need not wait for the disk.
    const heard = (sign: Sign | undefined) => {
      this.#fetching--
      this.#book.end(responder, begun, sign)
      // One that is away must not hold claims, of which there are only so many.
      if (this.#book.window(responder) === 0) this.#handBack(responder)
      else if (!this.#isCrowded && !stop.aborted) this.#startAhead(responder, stop)
      this.wake()
    }
    attempt(claim, this.#context, { signal: stop, heard })
      .catch((error: unknown) => this.#broken.abort(error))
      .finally(() => this.#end(claim.certificate.id))
  }

  /** What was claimed ahead and not begun is due as before. */
  #handBack(responder: string): void {
    const { store, events } = this.#options
    const claims = this.#ahead.get(responder) ?? []
    this.#ahead.delete(responder)
    for (const { certificate, schedule } of claims) {
      store
        .complete(certificate.id, schedule)
        .catch((error: unknown) => events.storeFailed({ error }))
        .finally(() => this.#end(certificate.id))
    }
  }

  #end(id: string): void {
    this.#underWay.delete(id)
    this.#ended.resolve()
    this.#ended = Promise.withResolvers<void>()
    this.wake()
  }

  /** Sleeps until something is due, as far as that is known, or `wake` is called, as it is when a fetch has ended. */
  async #rest({ why, wait }: Rest, stop: AbortSignal): Promise<void> {
    // Each fetch that ends wakes it, and a store that fails would be tried, and told of, as often.
    await this.#options.clock.sleep(wait, why === 'store-failed' ? stop : this.#wake.signal)
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

  /** What earlier runs have learnt of responders. Without it all works, only less well: the store will be asked again for other things. */
  async #recall(stop: AbortSignal): Promise<void> {
    const { store, clock, events } = this.#options
    while (!stop.aborted) {
      try {
        return this.#book.load(await store.responders())
      } catch (error) {
        events.storeFailed({ error })
        await clock.sleep(PAUSE['store-failed'], stop)
      }
    }
  }

  /** Keeps what was learnt of responders. */
  async #remember(): Promise<void> {
    const { store, clock, events } = this.#options
    this.#rememberedAt = clock.monotonic()
    try {
      for (const record of this.#book.takeChanges()) await store.putResponder(record)
    } catch (error) {
      events.storeFailed({ error })
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

/** Why nothing was taken, and for how long it is worth waiting. */
interface Rest {
  readonly why: 'none' | 'blocked' | 'store-failed'
  readonly wait: DurationMs
}

/** After a crash a claim lies still for this long; a fetch takes a minute and a half at the very most (8 attempts of 10 s). */
const LEASE: DurationMs = durationMs(3 * MINUTE_MS)
/** The wall clock may step, and a suspended machine sleeps longer than it thinks: look at least this often. */
const LONGEST_REST: DurationMs = durationMs(MINUTE_MS)
/** Another one may have become due since `dueResponders`: not a busy loop. */
const SHORTEST_REST: DurationMs = durationMs(50)
/** Outcomes that wait for a slow disk take memory. */
const MOST_UNDER_WAY = 2_048
/** Each renewal teaches something; what is lost in a crash is learnt again. */
const REMEMBER_EVERY: DurationMs = durationMs(MINUTE_MS)
const PAUSE = {
  // While one responder is due and busy, nextDueAt does not tell when another is due.
  blocked: durationMs(SECOND_MS),
  'store-failed': durationMs(5 * SECOND_MS),
} as const
