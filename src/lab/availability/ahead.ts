import {
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  SECOND_MS,
} from '../../der/time.ts'
import { planRefresh } from '../../refresh/plan.ts'
import { planRetry } from '../../refresh/retry.ts'
import { type Habits, learn, unknownHabits } from '../../responders/cadence.ts'
import { ResponderHealth } from '../../responders/health.ts'
import type { Random } from '../../time/clock.ts'
import { Agenda } from './agenda.ts'
import type { Answers } from './answers.ts'
import { type Fetched, Fetches } from './fetches.ts'
import type { SimulatedResponder } from './responders.ts'
import type { Tenures } from './tenures.ts'

export interface AheadOptions {
  readonly responder: SimulatedResponder
  readonly answers: Answers
  readonly tenures: Tenures
  readonly length: number
  readonly random: Random
  /** Called with the time of the simulation now and then. */
  readonly progress?: (at: number) => void
}

/** What became of the certificates of one responder, by row. */
export interface AheadResult {
  /** When it had its first staple; infinite where never. */
  readonly firstAt: Float64Array
  /** How long it was without one from then on. */
  readonly unstapled: Float64Array
  readonly exchanges: number
}

/**
 * This design: `planRefresh`, `planRetry`, `learn` and `ResponderHealth` of the product, called for each simulated fetch as the crawler calls them. Habits
 * and health are the responder's. What waits for room is served first come first served, those without a staple before the others.
 */
export function simulateAhead(options: AheadOptions): AheadResult {
  return new Ahead(options).run()
}

class Ahead {
  readonly #options: AheadOptions
  readonly #agenda: Agenda
  readonly #fetches: Fetches
  readonly #health: ResponderHealth
  readonly #waiting: { readonly bare: Queue; readonly others: Queue }
  #habits: Habits = unknownHabits
  /** Number of the answer in hand; `NONE` without one. */
  readonly #held: Int32Array
  readonly #usableUntil: Float64Array
  readonly #attempts: Int32Array
  readonly #lastSameAt: Float64Array
  readonly #firstAt: Float64Array
  readonly #unstapled: Float64Array

  constructor(options: AheadOptions) {
    const { responder, tenures, random, length } = options
    const { count } = tenures
    this.#options = options
    this.#agenda = new Agenda({ entries: count, length })
    this.#fetches = new Fetches(options)
    const ratePerSecond = Math.min(RATE, (CONCURRENCY * SECOND_MS) / responder.latency)
    this.#health = new ResponderHealth({ concurrency: CONCURRENCY, ratePerSecond }, random)
    this.#waiting = { bare: new Queue(count), others: new Queue(count) }
    this.#held = new Int32Array(count).fill(NONE)
    this.#usableUntil = new Float64Array(count)
    this.#attempts = new Int32Array(count)
    this.#lastSameAt = new Float64Array(count).fill(Number.NaN)
    this.#firstAt = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
    this.#unstapled = new Float64Array(count)
    for (let row = 0; row < count; row++) this.#agenda.add(row, tenures.from[row] ?? 0)
  }

  run(): AheadResult {
    const { length, progress } = this.#options
    const step = length / PROGRESS_STEPS
    let told = 0
    for (;;) {
      const isWaiting = this.#waiting.bare.size + this.#waiting.others.size > 0
      const roomAt = isWaiting ? this.#roomAt() : Number.POSITIVE_INFINITY
      const now = Math.min(this.#agenda.nextTime, roomAt)
      if (now >= length) break
      if (now >= told + step) {
        told = now
        progress?.(now)
      }
      this.#now = Math.max(this.#now, now)
      if (roomAt <= now) this.#ask(this.#waiting.bare.take() ?? this.#waiting.others.take())
      else this.#due(this.#agenda.take(), isWaiting)
    }
    this.#close()
    return {
      firstAt: this.#firstAt,
      unstapled: this.#unstapled,
      exchanges: this.#fetches.exchanges,
    }
  }

  /** Time only goes forward. */
  #now = 0

  #roomAt(): number {
    const now = durationMs(this.#now)
    return this.#health.room(now) > 0 ? this.#now : (this.#health.roomAt(now) ?? this.#now)
  }

  #due(row: number | undefined, isWaiting: boolean): void {
    if (row === undefined) return
    if (!isWaiting && this.#health.room(durationMs(this.#now)) > 0) this.#ask(row)
    else if (this.#held[row] === NONE) this.#waiting.bare.add(row)
    else this.#waiting.others.add(row)
  }

  #ask(row: number | undefined): void {
    if (row === undefined || this.#now >= (this.#options.tenures.to[row] ?? 0)) return
    const begun = this.#health.begin(durationMs(this.#now))
    const fetched = this.#fetches.fetch(row, this.#now)
    const isTrouble = fetched.kind === 'failed' && fetched.cause !== 'unauthorized'
    const sign = isTrouble && fetched.cause !== 'http' ? 'trouble' : 'answered'
    this.#health.end(sign, begun, durationMs(this.#now))
    this.#agenda.add(row, this.#next(row, fetched))
  }

  /** When to ask again, as `attempt` decides it. */
  #next(row: number, fetched: Fetched): number {
    const now = fetched.endedAt
    if (fetched.kind === 'failed') return this.#retry(row, fetched.remedy, now)
    const { answers } = this.#options
    const { answer } = fetched
    const held = this.#held[row] ?? NONE
    const usableUntil = answers.thisUpdate(row, answer) + answers.usableLife
    const isHeldUsable = held !== NONE && (this.#usableUntil[row] ?? 0) > now
    if (answer <= held && isHeldUsable) return this.#same(row, fetched, now)
    if (usableUntil <= now) return this.#retry(row, 'back-off', now)
    this.#take(row, answer, now)
    return this.#refresh(row, 'newer', fetched.freshFor, now)
  }

  #same(row: number, fetched: Extract<Fetched, { kind: 'answer' }>, now: number): number {
    const { answers } = this.#options
    if (fetched.answer === this.#held[row]) this.#lastSameAt[row] = now
    if ((this.#usableUntil[row] ?? 0) - now < answers.usableLife / 10) {
      return this.#retry(row, 'back-off', now)
    }
    return this.#refresh(row, 'same', fetched.freshFor, now)
  }

  #take(row: number, answer: number, now: number): void {
    const { answers } = this.#options
    const held = this.#held[row] ?? NONE
    if (held === NONE) this.#firstAt[row] = now
    else {
      this.#gap(row, now)
      const lastSameAt = this.#lastSameAt[row] ?? Number.NaN
      this.#habits = learn(this.#habits, {
        before: this.#times(row, held),
        after: this.#times(row, answer),
        seenAt: at(now),
        lastSameAt: Number.isNaN(lastSameAt) ? undefined : at(lastSameAt),
      })
    }
    this.#held[row] = answer
    this.#usableUntil[row] = answers.thisUpdate(row, answer) + answers.usableLife
    this.#lastSameAt[row] = Number.NaN
  }

  #times(row: number, answer: number): { thisUpdate: EpochMs; nextUpdate: EpochMs } {
    const thisUpdate = this.#options.answers.thisUpdate(row, answer)
    return { thisUpdate: at(thisUpdate), nextUpdate: at(thisUpdate + this.#options.responder.validity) }
  }

  #refresh(
    row: number,
    _answer: 'newer' | 'same',
    _freshFor: DurationMs | undefined,
    now: number,
  ): number {
    const { random, answers } = this.#options
    this.#attempts[row] = 0
    const staple = {
      thisUpdate: at(answers.thisUpdate(row, this.#held[row] ?? NONE)),
      usableUntil: at(this.#usableUntil[row] ?? 0),
    }
    return planRefresh(staple, at(now), random).dueAt - EPOCH
  }

  #retry(row: number, remedy: Parameters<typeof planRetry>[0]['remedy'], now: number): number {
    const attempts = (this.#attempts[row] ?? 0) + 1
    this.#attempts[row] = attempts
    const isHeld = this.#held[row] !== NONE
    const deadline = isHeld ? at(this.#usableUntil[row] ?? 0) : undefined
    const failed = { attempts, remedy, retryAfter: undefined, deadline }
    return planRetry(failed, at(now), this.#options.random).dueAt - EPOCH
  }

  /** Counts the time without a staple up to `now`. */
  #gap(row: number, now: number): void {
    const from = Math.max(this.#usableUntil[row] ?? 0, this.#firstAt[row] ?? 0)
    if (now > from) this.#unstapled[row] = (this.#unstapled[row] ?? 0) + now - from
  }

  #close(): void {
    const { tenures } = this.#options
    for (let row = 0; row < tenures.count; row++) {
      if (this.#held[row] !== NONE) this.#gap(row, tenures.to[row] ?? 0)
    }
  }
}

/** First in, first out; an entry is in it once at most. */
class Queue {
  readonly #ring: Int32Array
  #start = 0
  size = 0

  constructor(entries: number) {
    this.#ring = new Int32Array(Math.max(1, entries))
  }

  add(entry: number): void {
    this.#ring[(this.#start + this.size) % this.#ring.length] = entry
    this.size++
  }

  take(): number | undefined {
    if (this.size === 0) return undefined
    const entry = this.#ring[this.#start]
    this.#start = (this.#start + 1) % this.#ring.length
    this.size--
    return entry
  }
}

function at(time: number): EpochMs {
  return epochMs(EPOCH + time)
}

/** The simulation begins on 15 January 2027. */
const EPOCH = 1_800_000_000_000
const NONE = -2_147_483_648
/** As the service has them by default. */
const CONCURRENCY = 8
const RATE = 50
const PROGRESS_STEPS = 100
