import { type DurationMs, durationMs, SECOND_MS } from '../../der/time.ts'
import type { Remedy } from '../../ocsp/verdict.ts'
import { remedyOf } from '../../responders/fetch-failure.ts'
import type { Random } from '../../time/clock.ts'
import type { Answers } from './answers.ts'
import type { SimulatedResponder } from './responders.ts'
import type { Tenures } from './tenures.ts'

/** What came of asking for one certificate, as `fetchStaple` tells it. `endedAt` is when. */
export type Fetched =
  | {
      readonly kind: 'answer'
      readonly answer: number
      readonly endedAt: number
      /** How long the answer says that it stays the same, from `endedAt` on. */
      readonly freshFor: DurationMs | undefined
    }
  | {
      readonly kind: 'failed'
      readonly cause: 'outage' | 'http' | 'try-later' | 'unauthorized'
      readonly remedy: Remedy
      readonly endedAt: number
    }

/** Asks a simulated responder: an exchange, and up to two more at once over other connections where `fetchStaple` would make them. */
export class Fetches {
  readonly #responder: SimulatedResponder
  readonly #answers: Answers
  readonly #tenures: Tenures
  readonly #random: Random
  /** When the copy was made that a cache on the way holds of each answer. */
  readonly #copiedAt: Float64Array
  /** HTTP exchanges so far. */
  exchanges = 0

  constructor(options: {
    readonly responder: SimulatedResponder
    readonly answers: Answers
    readonly tenures: Tenures
    readonly random: Random
  }) {
    this.#responder = options.responder
    this.#answers = options.answers
    this.#tenures = options.tenures
    this.#random = options.random
    this.#copiedAt = new Float64Array(options.tenures.count).fill(Number.NEGATIVE_INFINITY)
  }

  fetch(row: number, at: number): Fetched {
    let moment = at
    for (let exchange = 1; ; exchange++) {
      this.exchanges++
      const trouble = this.#answers.troubleAt(row, moment)
      if (trouble === 'outage') {
        return { kind: 'failed', cause: 'outage', remedy: OUTAGE, endedAt: moment + CONNECT }
      }
      moment += this.#responder.latency * (0.5 + this.#random())
      const cause = this.#failure(row, moment, trouble)
      if (cause === undefined) return this.#answer(row, moment)
      const remedy = remedies[cause]
      const isTriedAtOnce = remedy === 'other-connection' || remedy === 'other-method'
      if (!isTriedAtOnce || exchange === MAX_EXCHANGES) {
        return { kind: 'failed', cause, remedy, endedAt: moment }
      }
    }
  }

  #failure(
    row: number,
    at: number,
    trouble: 'none' | 'try-later',
  ): keyof typeof remedies | undefined {
    if (this.#random() < this.#responder.failing) return 'http'
    if (trouble === 'try-later') return 'try-later'
    return this.#answers.newestAt(row, at) < (this.#tenures.first[row] ?? 0)
      ? 'unauthorized'
      : undefined
  }

  #answer(row: number, at: number): Fetched {
    const { maxAge } = this.#responder
    const newest = this.#answers.newestAt(row, at)
    if (maxAge === 0) return { kind: 'answer', answer: newest, endedAt: at, freshFor: undefined }
    if (maxAge === 'until-renewal') {
      const freshFor = durationMs(Math.max(0, this.#answers.availableAt(row, newest + 1) - at))
      return { kind: 'answer', answer: newest, endedAt: at, freshFor }
    }
    const copied = this.#copiedAt[row] ?? Number.NEGATIVE_INFINITY
    const age = at - copied
    const isKept = age < maxAge
    if (!isKept) this.#copiedAt[row] = at
    const answer = isKept ? this.#answers.newestAt(row, copied) : newest
    const freshFor = durationMs(isKept ? maxAge - age : maxAge)
    return { kind: 'answer', answer, endedAt: at, freshFor }
  }
}

const OUTAGE: Remedy = remedyOf({ kind: 'unreachable', cause: 'connect', problem: '' })
const remedies = {
  http: remedyOf({ kind: 'http', statusCode: 404, retryAfter: undefined }),
  // As the rule response-status-not-successful says of these two.
  'try-later': 'back-off',
  unauthorized: 'other-connection',
} as const satisfies Record<string, Remedy>
/** GET over a kept connection, then GET and POST over fresh ones. */
const MAX_EXCHANGES = 3
/** Until a connection that nobody accepts is given up. */
const CONNECT = 4 * SECOND_MS
