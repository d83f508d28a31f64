import { durationMs } from '../../der/time.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import { safetyMargin } from '../../ocsp/usable-until.ts'
import { clientLimits } from '../../ocsp/clients.ts'
import { scatter } from '../seeded-random.ts'
import type { Interval, SimulatedResponder } from './responders.ts'
import type { Tenures } from './tenures.ts'

/**
 * The answers that a responder has for its certificates at every moment. Answers of one certificate are numbered; number n has the thisUpdate
 * `origin + n * renewEvery`.
 */
export class Answers {
  readonly #tenures: Tenures
  readonly #responder: SimulatedResponder
  readonly #troubles: readonly Trouble[]
  /** From thisUpdate to usableUntil, as `usableUntil()` has it. */
  readonly usableLife: number

  constructor(responder: SimulatedResponder, tenures: Tenures) {
    this.#responder = responder
    this.#tenures = tenures
    this.#troubles = [
      ...responder.outages.map((outage) => ({ ...outage, kind: 'outage' as const, share: 1 })),
      ...responder.storms.map((storm) => ({ ...storm, kind: 'try-later' as const })),
    ]
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
    const spread = 0.9 + 0.2 * scatter(row, answer)
    const lag = answer === 0 && this.#tenures.first[row] === 0 ? 0 : this.#responder.lag * spread
    return this.thisUpdate(row, answer) + lag
  }

  thisUpdate(row: number, answer: number): number {
    return (this.#tenures.origin[row] ?? 0) + answer * this.#responder.renewEvery
  }

  /** Whether nothing can be had at this moment, for all or for this certificate. */
  troubleAt(row: number, at: number): Trouble['kind'] | 'none' {
    return this.#trouble(row, at)?.kind ?? 'none'
  }

  /** The first moment, from this one on, at which a fetcher that misses nothing gets an answer. */
  untroubledFrom(row: number, at: number): number {
    let moment = at
    let trouble = this.#trouble(row, moment)
    while (trouble !== undefined) {
      moment = trouble.to
      trouble = this.#trouble(row, moment)
    }
    return moment
  }

  #trouble(row: number, at: number): Trouble | undefined {
    for (const trouble of this.#troubles) {
      if (at < trouble.from || at >= trouble.to) continue
      if (trouble.share === 1 || scatter(row >> 1, trouble.from) < trouble.share) return trouble
    }
    return undefined
  }
}

interface Trouble extends Interval {
  readonly kind: 'outage' | 'try-later'
  /** Of the certificates. */
  readonly share: number
}
