import { durationMs } from '../../der/time.ts'
import { clientLimits } from '../../ocsp/clients.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import { safetyMargin } from '../../ocsp/usable-until.ts'
import { scatter } from '../seeded-random.ts'
import type { Interval, SimulatedResponder } from './responders.ts'
import type { Tenures } from './tenures.ts'

/** A time during which a responder gives nothing, to all or to a part of its certificates. */
export interface Trouble extends Interval {
  readonly kind: 'outage' | 'try-later'
  readonly share: number
}

/**
 * The answers that a responder has for its certificates at every moment. Answers of one certificate are numbered; number n has the thisUpdate
 * `origin + n * renewEvery`.
 */
export class Answers {
  readonly #tenures: Tenures
  readonly #responder: SimulatedResponder
  /** In order of their beginnings. */
  readonly troubles: readonly Trouble[]
  /** From thisUpdate to usableUntil, as `usableUntil()` has it. */
  readonly usableLife: number

  constructor(responder: SimulatedResponder, tenures: Tenures) {
    this.#responder = responder
    this.#tenures = tenures
    const { outages, storms } = responder
    this.troubles = [
      ...outages.map((outage) => ({ ...outage, kind: 'outage' as const, share: 1 })),
      ...storms.map((storm) => ({ ...storm, kind: 'try-later' as const })),
    ].sort((a, b) => a.from - b.from)
    const greatestAge = Math.min(...defaultPolicy.clients.map((name) => clientLimits[name].maxAge))
    const life = Math.min(responder.validity, greatestAge)
    this.usableLife = life - safetyMargin(durationMs(life))
  }

  /** The newest that can be had at this moment; less than `first` where there is none. */
  newestAt(row: number, at: number): number {
    const { renewEvery } = this.#responder
    const least = this.#tenures.first[row] ?? 0
    let answer = Math.floor((at - (this.#tenures.origin[row] ?? 0)) / renewEvery)
    while (answer >= least && this.availableAt(row, answer) > at) answer--
    return Math.max(answer, least - 1)
  }

  /** From when on an answer can be had. The first answer for a new certificate is there as soon as it is known. */
  availableAt(row: number, answer: number): number {
    const isFirst = answer === 0 && this.#tenures.first[row] === 0
    const lag = isFirst ? 0 : this.#responder.lag * (0.5 + scatter(row, answer))
    return this.thisUpdate(row, answer) + lag
  }

  thisUpdate(row: number, answer: number): number {
    return (this.#tenures.origin[row] ?? 0) + answer * this.#responder.renewEvery
  }

  usableUntil(row: number, answer: number): number {
    return this.thisUpdate(row, answer) + this.usableLife
  }

  /** Whether periods overlap enough that nobody who gets each answer at once is ever without one. */
  get isOverlapping(): boolean {
    return this.#responder.renewEvery + 1.5 * this.#responder.lag <= this.usableLife
  }

  /** What keeps an answer from this certificate at this moment. */
  troubleAt(row: number, at: number): Trouble | undefined {
    for (const trouble of this.troubles) {
      if (trouble.from > at) return undefined
      if (at < trouble.to && this.#isHit(row, trouble)) return trouble
    }
    return undefined
  }

  /** The first moment, from this one on, at which whoever asks gets an answer. */
  untroubledFrom(row: number, at: number): number {
    let moment = at
    let trouble = this.troubleAt(row, moment)
    while (trouble !== undefined) {
      moment = trouble.to
      trouble = this.troubleAt(row, moment)
    }
    return moment
  }

  /** When the next trouble begins, from this moment on; infinite where none does. */
  nextTroubleAt(row: number, at: number): number {
    const next = this.troubles.find((each) => each.from >= at && this.#isHit(row, each))
    return next?.from ?? Number.POSITIVE_INFINITY
  }

  #isHit(row: number, { share, from }: Trouble): boolean {
    return share === 1 || scatter(row, Math.floor(from)) < share
  }
}
