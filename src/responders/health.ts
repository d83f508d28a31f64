import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import type { Random } from '../time/clock.ts'

/** Ceilings for one responder. */
export interface HealthLimits {
  /** Requests under way at once, at most; see {@link ResponderHealth} for how many really. */
  readonly concurrency: number
  /** Requests begun in a second, at most. */
  readonly ratePerSecond: number
}

/** What a request says about the responder, whatever it says about the certificate. */
export type Sign =
  /** It is alive and answered, be it with `unauthorized`. */
  | 'answered'
  /** No connection, no answer, a server error, tryLater: the responder itself is unwell. */
  | 'trouble'

/**
 * How much one responder may be asked, learnt from how it does. Times are of the monotonic clock.
 *
 * - **closed**: the window of requests under way starts at four and grows by one with each answer up to the first trouble, then by one with each
 *   window full of answers. Trouble halves it, once for all requests that were under way. Enough trouble in a row, without any answer between, opens the breaker.
 * - **open**: nobody asks until `retryAt`. The pause doubles from two seconds to a minute, so that a recovery is noticed within a minute; with jitter.
 * - **half-open**: after the pause one request at a time is a probe. An answer closes the breaker, trouble opens it again.
 */
export class ResponderHealth {
  readonly #limits: HealthLimits
  readonly #random: Random
  #window: number
  #running = 0
  #growth: 'doubling' | 'steady' = 'doubling'
  /** Requests begun before this moment were judged with the trouble that halved the window. */
  #halvedAt: number = Number.NEGATIVE_INFINITY
  #troubles = 0
  #openings = 0
  #retryAt: number | undefined
  #tokens: number
  #refilledAt: number = Number.NEGATIVE_INFINITY

  constructor(limits: HealthLimits, random: Random) {
    this.#limits = limits
    this.#random = random
    this.#window = Math.min(FIRST_WINDOW, limits.concurrency)
    this.#tokens = limits.ratePerSecond
  }

  /** `closed`: well, or not known to be unwell. */
  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#retryAt === undefined) return 'closed'
    return this.#probing ? 'half-open' : 'open'
  }

  /** Requests under way. */
  get running(): number {
    return this.#running
  }

  /** How many requests may begin now. */
  room(now: DurationMs): number {
    if (this.#retryAt !== undefined) return now >= this.#retryAt && this.#running === 0 ? 1 : 0
    this.#refill(now)
    return Math.max(0, Math.min(Math.floor(this.#window) - this.#running, Math.floor(this.#tokens)))
  }

  /** When there may be room again although no request ends; `undefined` where only that can make room. */
  roomAt(now: DurationMs): DurationMs | undefined {
    if (this.#retryAt !== undefined) {
      return this.#running === 0 ? durationMs(Math.max(now, this.#retryAt)) : undefined
    }
    if (Math.floor(this.#window) <= this.#running) return undefined
    this.#refill(now)
    const missing = Math.max(0, 1 - this.#tokens)
    return durationMs(now + Math.ceil((missing * SECOND_MS) / this.#limits.ratePerSecond))
  }

  /** A request begins; gives what {@link end} wants back. */
  begin(now: DurationMs): DurationMs {
    this.#refill(now)
    this.#running++
    this.#tokens--
    return now
  }

  /** A request that began at `begun` has ended. `retryAfter` is what the responder asked for, if it did. */
  end(sign: Sign, begun: DurationMs, now: DurationMs, retryAfter?: DurationMs): void {
    this.#running--
    if (sign === 'answered') this.#answered()
    else this.#troubled(begun, now, retryAfter)
  }

  get #probing(): boolean {
    return this.#running > 0
  }

  #answered(): void {
    this.#troubles = 0
    this.#openings = 0
    if (this.#retryAt !== undefined) {
      this.#retryAt = undefined
      this.#growth = 'doubling'
    }
    const step = this.#growth === 'doubling' ? 1 : 1 / this.#window
    this.#window = Math.min(this.#limits.concurrency, this.#window + step)
  }

  #troubled(begun: DurationMs, now: DurationMs, retryAfter: DurationMs | undefined): void {
    this.#troubles++
    this.#growth = 'steady'
    if (begun >= this.#halvedAt) {
      this.#window = Math.max(1, this.#window / 2)
      this.#halvedAt = now
    }
    if (this.#retryAt !== undefined || this.#troubles >= TROUBLES_TO_OPEN) this.#open(now)
    if (retryAfter !== undefined) {
      const asked = now + Math.min(retryAfter, LONGEST_ASKED_PAUSE)
      this.#retryAt = Math.max(this.#retryAt ?? 0, asked)
    }
  }

  #open(now: DurationMs): void {
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#openings)
    this.#openings++
    this.#window = 1
    this.#retryAt = now + pause * (0.75 + 0.25 * this.#random())
  }

  #refill(now: DurationMs): void {
    const { ratePerSecond } = this.#limits
    const elapsed = now - this.#refilledAt
    this.#tokens = Math.min(ratePerSecond, this.#tokens + (elapsed * ratePerSecond) / SECOND_MS)
    this.#refilledAt = now
  }
}

const FIRST_WINDOW = 4
/** Of six backends one that fails gives this many in a row once in 7,776 rounds. */
const TROUBLES_TO_OPEN = 5
const FIRST_PAUSE = 2 * SECOND_MS
const LONGEST_PAUSE = MINUTE_MS
/** A responder that asks for more is asked for certificates that need it all the same. */
const LONGEST_ASKED_PAUSE = 10 * MINUTE_MS
