import { SECOND_MS } from '../../der/time.ts'
import type { Remedy } from '../../ocsp/verdict.ts'
import { type FetchFailure, remedyOf } from '../../responders/fetch-failure.ts'
import type { Random } from '../../time/clock.ts'
import type { Answers } from './answers.ts'
import type { SimulatedResponder } from './responders.ts'
import type { Tenures } from './tenures.ts'

/** What came of asking for one certificate, as `fetchStaple` tells it. Times are milliseconds since the simulation began. */
export interface Fetched {
  readonly begunAt: number
  readonly endedAt: number
  readonly requests: number
  /** Number of the newest answer that came; `undefined` where only failures did. */
  readonly answer: number | undefined
  /** Until when caches give the same, as they say. */
  readonly freshUntil: number | undefined
  /** The failure, where there is no answer. */
  readonly failure: FetchFailure
}

/** The staple in hand, as far as fetching goes. */
export interface HeldAnswer {
  readonly answer: number
  readonly state: 'lasting' | 'ending'
}

/** Asks a simulated responder as `fetchStaple` asks a real one: up to two more times at once, over other connections, where it would. */
export class Fetches {
  readonly #responder: SimulatedResponder
  readonly #answers: Answers
  readonly #tenures: Tenures
  readonly #random: Random
  /** When the copy of each answer was made that a cache on the way holds. */
  readonly #copiedAt: Float64Array
  /** Requests so far. */
  requests = 0

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

  fetch(row: number, begunAt: number, held: HeldAnswer | undefined): Fetched {
    let at = begunAt
    let requests = 0
    let answer: number | undefined
    let failure: FetchFailure = notFound
    while (requests < MOST_REQUESTS) {
      requests++
      const trouble = this.#answers.troubleAt(row, at)?.kind
      at += trouble === 'outage' ? CONNECT : this.#latency()
      const failed = trouble === 'outage' ? away : this.#failure(row, at, trouble)
      if (failed === undefined) {
        answer = Math.max(answer ?? Number.NEGATIVE_INFINITY, this.#given(row, at))
        if (this.#isWished(row, answer, { at, held })) break
      } else {
        failure = failed
        if (!isTriedAtOnce(failed, held)) break
      }
    }
    this.requests += requests
    const freshUntil = answer === undefined ? undefined : this.#freshUntil(row, answer, at)
    return { begunAt, endedAt: at, requests, answer, freshUntil, failure }
  }

  #latency(): number {
    return Math.round(this.#responder.latency * (0.5 + this.#random()))
  }

  #failure(row: number, at: number, trouble: 'try-later' | undefined): FetchFailure | undefined {
    if (this.#random() < this.#responder.failing) return notFound
    if (trouble === 'try-later') return tryLater
    const isKnown = this.#answers.newestAt(row, at) >= (this.#tenures.first[row] ?? 0)
    return isKnown ? undefined : unauthorized
  }

  /** The newest answer, or the copy of an older one. */
  #given(row: number, at: number): number {
    const { maxAge } = this.#responder
    if (maxAge === 'until-renewal' || maxAge === 0) return this.#answers.newestAt(row, at)
    if (at - (this.#copiedAt[row] ?? 0) >= maxAge) this.#copiedAt[row] = at
    return this.#answers.newestAt(row, this.#copiedAt[row] ?? at)
  }

  #freshUntil(row: number, answer: number, at: number): number | undefined {
    const { maxAge } = this.#responder
    if (maxAge === 0) return undefined
    const until =
      maxAge === 'until-renewal'
        ? this.#answers.availableAt(row, answer + 1)
        : (this.#copiedAt[row] ?? at) + maxAge
    return until > at ? Math.floor(until) : undefined
  }

  #isWished(
    row: number,
    answer: number,
    { at, held }: { readonly at: number; readonly held: HeldAnswer | undefined },
  ): boolean {
    if (this.#answers.usableUntil(row, answer) <= at) return false
    return held === undefined || held.state === 'lasting' || answer > held.answer
  }
}

/** As `fetchStaple` decides it. */
function isTriedAtOnce(failure: FetchFailure, held: HeldAnswer | undefined): boolean {
  const remedy = remedyOf(failure)
  if (held?.state === 'ending' && failure.kind !== 'unreachable') return true
  return remedy === 'other-connection' || remedy === 'other-method'
}

/** GET over a kept connection, then GET and POST over fresh ones. */
const MOST_REQUESTS = 3
/** Until a connection that nobody accepts is given up. */
const CONNECT = 4 * SECOND_MS
const away: FetchFailure = { kind: 'unreachable', cause: 'connect', problem: 'nobody there' }
const notFound: FetchFailure = { kind: 'http', statusCode: 404, retryAfter: undefined }
const tryLater: FetchFailure = responderError('tryLater', 'back-off')
const unauthorized: FetchFailure = responderError('unauthorized', 'other-connection')

/** The remedies are those of the rule response-status-not-successful. */
function responderError(status: string, remedy: Remedy): FetchFailure {
  return { kind: 'responder', status, remedy, retryAfter: undefined }
}
