import { DAY_MS, durationMs, type EpochMs, epochMs } from '../../der/time.ts'
import { afterFailure, afterSuccess, type Lapse } from '../../refresh/next-schedule.ts'
import { signKindOf, troubleOf } from '../../refresh/trouble.ts'
import { type Habits, hasGap, learn, unknownHabits } from '../../responders/cadence.ts'
import { describeFailure, remedyOf } from '../../responders/fetch-failure.ts'
import { type Begun, ResponderHealth } from '../../responders/health.ts'
import type { StapleRecord } from '../../store/store.ts'
import type { Random } from '../../time/clock.ts'
import { Agenda } from './agenda.ts'
import type { Answers } from './answers.ts'
import { type Fetched, Fetches, type HeldAnswer } from './fetches.ts'
import { Heap } from './heap.ts'
import type { SimulatedResponder } from './responders.ts'
import type { Tenures } from './tenures.ts'

/** What `simulateAhead` goes by. */
export interface AheadOptions {
  readonly responder: SimulatedResponder
  readonly answers: Answers
  readonly tenures: Tenures
  /** Length of the simulation in milliseconds. */
  readonly length: number
  readonly random: Random
}

/** What became of the certificates of one responder, by row of its tenures. Milliseconds since the simulation began. */
export interface AheadResult {
  /** When it had its first staple; infinite where never. */
  readonly firstAt: Float64Array
  /** For how long it was without a usable one from then on. */
  readonly gap: Float64Array
  readonly requests: number
}

/**
 * This design: the crawler, with the functions that decide in the product (`afterSuccess`, `afterFailure`, `learn`, `ResponderHealth`)
 * called for each simulated fetch as `attempt` calls them. What waits for room is taken in the order of the store: without a
 * staple first, then by usableUntil. Not in the model: the limit of fetches over all responders, and the way to the edges.
 */
export function simulateAhead(options: AheadOptions): AheadResult {
  return new Ahead(options).run()
}

class Ahead {
  readonly #options: AheadOptions
  readonly #agenda: Agenda
  readonly #fetches: Fetches
  readonly #health: ResponderHealth
  readonly #waiting: Heap
  /** Keys of those that wait. */
  readonly #urgency: Float64Array
  /** Fetches, the next to end last. */
  readonly #underWay: UnderWay[] = []
  #habits: Habits = unknownHabits
  /** Number of the answer in hand; `NONE` without one. */
  readonly #held: Int32Array
  readonly #usableUntil: Float64Array
  readonly #fetchedAt: Float64Array
  /** When the responder last gave the answer in hand again. */
  readonly #unchangedAt: Float64Array
  readonly #attempts: Int32Array
  readonly #firstAt: Float64Array
  readonly #gap: Float64Array

  constructor(options: AheadOptions) {
    const { tenures, random, length } = options
    const { count } = tenures
    this.#options = options
    this.#agenda = new Agenda({ entries: count, length })
    this.#fetches = new Fetches(options)
    this.#health = new ResponderHealth(healthLimits, random)
    this.#urgency = new Float64Array(count)
    this.#waiting = new Heap(this.#urgency)
    this.#held = new Int32Array(count).fill(NONE)
    this.#usableUntil = new Float64Array(count)
    this.#fetchedAt = new Float64Array(count)
    this.#unchangedAt = new Float64Array(count)
    this.#attempts = new Int32Array(count)
    this.#firstAt = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
    this.#gap = new Float64Array(count)
    for (let row = 0; row < count; row++) this.#agenda.add(row, tenures.from[row] ?? 0)
  }

  run(): AheadResult {
    const { length, tenures } = this.#options
    for (let now = 0; now < length; ) {
      const ending = this.#underWay.at(-1)?.fetched.endedAt ?? Number.POSITIVE_INFINITY
      const due = this.#agenda.nextTime
      const roomAt = this.#waiting.size > 0 ? this.#roomAt(now) : Number.POSITIVE_INFINITY
      now = Math.max(now, Math.min(ending, due, roomAt))
      if (ending <= now) this.#end()
      else if (due <= now) this.#wait(this.#agenda.take(), now)
      if (now < length) this.#start(now)
    }
    for (let row = 0; row < tenures.count; row++) this.#countGap(row, tenures.to[row] ?? 0)
    const [firstAt, gap] = [this.#firstAt, this.#gap]
    return { firstAt, gap, requests: this.#fetches.requests }
  }

  #roomAt(now: number): number {
    return this.#health.roomAt(durationMs(now)) ?? Number.POSITIVE_INFINITY
  }

  #wait(row: number | undefined, now: number): void {
    if (row === undefined) return
    const isBare = this.#held[row] === NONE
    this.#urgency[row] = isBare ? now - LONGER_THAN_ALL : (this.#usableUntil[row] ?? 0)
    this.#waiting.add(row)
  }

  #start(now: number): void {
    while (this.#waiting.size > 0 && this.#health.room(durationMs(now)) > 0) {
      const row = this.#waiting.take() ?? 0
      if (now >= (this.#options.tenures.to[row] ?? 0)) continue
      const begun = this.#health.begin(durationMs(now))
      const fetched = this.#fetches.fetch(row, now, this.#heldAnswer(row, now))
      this.#putUnderWay({ row, begun, fetched })
    }
  }

  #heldAnswer(row: number, now: number): HeldAnswer | undefined {
    if (!this.#isUsable(row, now)) return undefined
    const state = this.#isEnding(row, now) && !hasGap(this.#habits) ? 'ending' : 'lasting'
    return { answer: this.#held[row] ?? NONE, state }
  }

  #putUnderWay(fetch: UnderWay): void {
    const list = this.#underWay
    let at = list.length
    while (at > 0 && (list[at - 1]?.fetched.endedAt ?? 0) < fetch.fetched.endedAt) at--
    list.splice(at, 0, fetch)
  }

  #end(): void {
    const ended = this.#underWay.pop()
    if (ended === undefined) return
    const { row, begun, fetched } = ended
    const { answer, failure, requests } = fetched
    const sign = {
      kind: answer === undefined ? signKindOf(failure) : 'answered',
      requests,
      retryAfter: undefined,
      // Nobody ends OCSP here.
      url: 'there',
    } as const
    this.#health.end(begun, sign, durationMs(fetched.endedAt))
    this.#agenda.add(row, this.#settle(row, fetched) - EPOCH)
  }

  /** When to ask again, as `attempt` decides it. */
  #settle(row: number, fetched: Fetched): EpochMs {
    const { answer, begunAt, endedAt: now, freshUntil } = fetched
    const { answers } = this.#options
    if (answer === undefined) return this.#retry(row, this.#lapseOf(row, fetched), now)
    const isNewer = answer > (this.#held[row] ?? NONE)
    if (this.#isUsable(row, begunAt) && !isNewer) return this.#keep(row, freshUntil, now)
    if (answers.usableUntil(row, answer) <= now) {
      // What is past its nextUpdate is refused; what has only its margin left is good, and no use.
      const isPast = answers.thisUpdate(row, answer) + this.#options.responder.validity <= now
      return this.#retry(row, isPast ? PAST : NOTHING_NEWER, now)
    }
    this.#take(row, answer, now)
    return this.#refresh(row, freshUntil, now)
  }

  #keep(row: number, freshUntil: number | undefined, now: number): EpochMs {
    if (this.#isEnding(row, now) && !hasGap(this.#habits)) {
      return this.#retry(row, NOTHING_NEWER, now)
    }
    this.#unchangedAt[row] = now
    return this.#refresh(row, freshUntil, now)
  }

  #lapseOf(row: number, { failure, endedAt }: Fetched): Lapse {
    const isNew =
      this.#options.tenures.first[row] === 0 &&
      endedAt < (this.#options.tenures.from[row] ?? 0) + DAY_MS
    return {
      problem: describeFailure(failure),
      remedy: remedyOf(failure),
      trouble: troubleOf(failure, isNew ? 'new' : 'aged'),
      retryAfter: undefined,
    }
  }

  #take(row: number, answer: number, now: number): void {
    if (this.#held[row] === NONE) this.#firstAt[row] = now
    else if (answer > (this.#held[row] ?? NONE)) this.#learn(row, answer, now)
    this.#countGap(row, now)
    this.#held[row] = answer
    this.#usableUntil[row] = this.#options.answers.usableUntil(row, answer)
    this.#fetchedAt[row] = now
  }

  #learn(row: number, answer: number, now: number): void {
    const { tenures, responder } = this.#options
    const before = this.#stapleOf(row, this.#held[row] ?? NONE)
    const notBefore = tenures.first[row] === 0 ? (tenures.from[row] ?? 0) : Number.NEGATIVE_INFINITY
    if (before.thisUpdate < EPOCH + notBefore + responder.validity) return
    const unchangedAt = this.#unchangedAt[row] ?? 0
    const isLater = unchangedAt > (this.#fetchedAt[row] ?? 0)
    this.#habits = learn(this.#habits, {
      before,
      after: this.#stapleOf(row, answer),
      seenAt: atEpoch(now),
      sameAt: isLater ? atEpoch(unchangedAt) : undefined,
    })
  }

  #refresh(row: number, freshUntil: number | undefined, now: number): EpochMs {
    this.#attempts[row] = 0
    const staple = this.#stapleOf(row, this.#held[row] ?? NONE)
    const fresh = freshUntil === undefined ? undefined : atEpoch(freshUntil)
    return afterSuccess({ staple, freshUntil: fresh, ...this.#planning(now) }).dueAt
  }

  #retry(row: number, lapse: Lapse, now: number): EpochMs {
    const held = this.#held[row] ?? NONE
    const attempts = this.#attempts[row] ?? 0
    this.#attempts[row] = attempts + 1
    const staple = held === NONE ? undefined : this.#stapleOf(row, held)
    const claim = { schedule: { ...unplanned, attempts }, staple }
    const { dueAt, unchangedAt } = afterFailure(claim, lapse, this.#planning(now))
    if (unchangedAt !== undefined) this.#unchangedAt[row] = now
    return dueAt
  }

  #planning(now: number) {
    return { habits: this.#habits, now: atEpoch(now), random: this.#options.random }
  }

  #stapleOf(row: number, answer: number): StapleRecord {
    const { answers, responder } = this.#options
    const made = answers.thisUpdate(row, answer)
    return {
      ...bytes,
      thisUpdate: atEpoch(made),
      nextUpdate: atEpoch(made + responder.validity),
      usableUntil: atEpoch(made + answers.usableLife),
    }
  }

  #isUsable(row: number, at: number): boolean {
    return this.#held[row] !== NONE && (this.#usableUntil[row] ?? 0) > at
  }

  /** Whether its last tenth has begun. */
  #isEnding(row: number, at: number): boolean {
    return (this.#usableUntil[row] ?? 0) - at < this.#options.answers.usableLife / 10
  }

  /** Counts the time without a staple up to `at`. */
  #countGap(row: number, at: number): void {
    const from = Math.max(this.#usableUntil[row] ?? 0, this.#firstAt[row] ?? 0)
    if (at > from) this.#gap[row] = (this.#gap[row] ?? 0) + at - from
  }
}

interface UnderWay {
  readonly row: number
  readonly begun: Begun
  readonly fetched: Fetched
}

/** What the service has by default. */
export const healthLimits = { concurrency: 8, ratePerSecond: 200 } as const

function atEpoch(time: number): EpochMs {
  return epochMs(EPOCH + time)
}

/** The simulation begins on 15 January 2027. */
const EPOCH = 1_800_000_000_000
const NONE = -2_147_483_648
const LONGER_THAN_ALL = 1e15
const NOTHING_NEWER = {
  problem: 'nothing newer',
  remedy: 'back-off',
  trouble: 'nothing-newer',
  retryAfter: undefined,
} as const
const PAST: Lapse = { ...NOTHING_NEWER, problem: 'next-update-passed', trouble: 'certificate' }
/** What no decision looks at. */
const unplanned = {
  dueAt: epochMs(0),
  reason: '',
  lastAttemptAt: undefined,
  lastError: undefined,
} as const
const bytes = {
  der: new Uint8Array(),
  received: new Uint8Array(),
  producedAt: epochMs(EPOCH),
  fetchedAt: epochMs(EPOCH),
  servedFrom: epochMs(EPOCH),
  url: '',
}
