import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import type { Random } from '../time/clock.ts'

/** Ceilings for one responder. */
export interface HealthLimits {
  /** Fetches under way at once, at most; see {@link ResponderHealth} for how many really. */
  readonly concurrency: number
  /** Requests a second, at most, on average. */
  readonly ratePerSecond: number
}

/** What a fetch says about the responder, whatever it says about the certificate. */
export interface Sign {
  /** `answered`: it is well, be it with `unauthorized`. `busy`: it answers that it cannot now. `trouble`: no connection, a server error. */
  readonly kind: 'answered' | 'busy' | 'trouble'
  /** Requests that the fetch took. */
  readonly requests: number
  /** What the responder asked for, if it did. */
  readonly retryAfter: DurationMs | undefined
  /** `gone`: it looks as if nobody answered OCSP there any more, as `looksGone` says. */
  readonly url: 'there' | 'gone'
}

/** A fetch that has begun, to be handed back to {@link ResponderHealth.end}. */
export interface Begun {
  readonly at: DurationMs
}

/**
 * How much one responder may be asked, learnt from how it does. Times are of the monotonic clock.
 *
 * - **closed**: the window of fetches under way starts at four and grows by one with each answer up to the first trouble, then by one with each
 *   window full of answers. Trouble halves it, once for all that were under way. Enough trouble in a row, without any answer between, opens
 *   the breaker. Enough answers in a row that it is busy halve the window as trouble does; the breaker stays closed, as others may be answered.
 * - **open**: nobody asks until `roomAt`. The pause doubles from two seconds to a minute, so that a recovery is noticed within a minute.
 * - **half-open**: after the pause one fetch at a time is a probe. An answer closes the breaker, trouble opens it again.
 */
export class ResponderHealth {
  readonly #limits: HealthLimits
  readonly #random: Random
  #window: number
  #running = 0
  #growth: 'by-answer' | 'by-window' = 'by-answer'
  /** Fetches begun before this moment were under way when trouble halved the window. */
  #halvedAt: number = Number.NEGATIVE_INFINITY
  #troubles = 0
  #openings = 0
  /** Answers in a row that it is busy. */
  #busy = 0
  #openUntil: DurationMs | undefined
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
    if (this.#openUntil === undefined) return 'closed'
    return this.#running > 0 ? 'half-open' : 'open'
  }

  /** Fetches under way. */
  get running(): number {
    return this.#running
  }

  /** How many fetches may be under way at once; none but the probes while it is away. */
  get window(): number {
    return this.#openUntil === undefined ? Math.floor(this.#window) : 0
  }

  /** How many fetches may begin now. */
  room(now: DurationMs): number {
    if (this.#openUntil !== undefined) return now >= this.#openUntil && this.#running === 0 ? 1 : 0
    this.#refill(now)
    return Math.max(0, Math.min(Math.floor(this.#window) - this.#running, Math.floor(this.#tokens)))
  }

  /** When there will be room although no fetch ends; `undefined` where only that can make room. */
  roomAt(now: DurationMs): DurationMs | undefined {
    if (this.#openUntil !== undefined) {
      return this.#running === 0 ? durationMs(Math.max(now, this.#openUntil)) : undefined
    }
    if (Math.floor(this.#window) <= this.#running) return undefined
    this.#refill(now)
    const missing = Math.max(0, 1 - this.#tokens)
    return durationMs(now + Math.ceil((missing * SECOND_MS) / this.#limits.ratePerSecond))
  }

  /** A fetch begins; there must be room. */
  begin(now: DurationMs): Begun {
    this.#refill(now)
    this.#running++
    this.#tokens--
    return { at: now }
  }

  /** A fetch has ended. Without a sign, as when it was aborted, it tells nothing. */
  end(begun: Begun, sign: Sign | undefined, now: DurationMs): void {
    this.#running--
    if (sign === undefined) return
    // The first request was paid for by begin(); the repeats over other connections count as well.
    this.#tokens -= Math.max(0, sign.requests - 1)
    switch (sign.kind) {
      case 'answered':
        this.#answered()
        break
      case 'busy':
        this.#close()
        // Said now and then, it is about some certificates only, and no reason to be slow with the others.
        if (++this.#busy >= TROUBLES_TO_OPEN) this.#halve(begun.at, now)
        break
      case 'trouble':
        this.#troubled(begun.at, now, sign.retryAfter)
    }
  }

  #close(): void {
    this.#troubles = 0
    this.#openings = 0
    this.#openUntil = undefined
  }

  #answered(): void {
    this.#close()
    this.#busy = 0
    const step = this.#growth === 'by-answer' ? 1 : 1 / this.#window
    this.#window = Math.min(this.#limits.concurrency, this.#window + step)
  }

  #troubled(begunAt: DurationMs, now: DurationMs, retryAfter: DurationMs | undefined): void {
    this.#troubles++
    this.#halve(begunAt, now)
    if (this.#openUntil !== undefined || this.#troubles >= TROUBLES_TO_OPEN) {
      this.#open(now, retryAfter)
    }
  }

  #halve(begunAt: DurationMs, now: DurationMs): void {
    this.#growth = 'by-window'
    if (begunAt < this.#halvedAt) return
    this.#window = Math.max(1, this.#window / 2)
    this.#halvedAt = now
  }

  #open(now: DurationMs, retryAfter: DurationMs | undefined): void {
    // Fetches that were under way when it opened are no probes: they do not lengthen the pause.
    if (this.#openUntil !== undefined && now < this.#openUntil) return
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#openings)
    this.#openings++
    // What recovers is met with all that waited for it: it starts as with a responder that is new.
    this.#window = Math.min(FIRST_WINDOW, this.#limits.concurrency)
    this.#growth = 'by-answer'
    const drawn = pause * (0.75 + 0.25 * this.#random())
    const asked = Math.min(retryAfter ?? 0, LONGEST_ASKED_PAUSE)
    this.#openUntil = durationMs(now + Math.round(Math.max(drawn, asked)))
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
/** A responder that asks for more is probed all the same, as servers may be without staples meanwhile. */
const LONGEST_ASKED_PAUSE = 5 * MINUTE_MS
