import { durationMs, MINUTE_MS, plus } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { FetchOutcome } from '../responders/fetch-staple.ts'
import type { Clock } from '../time/clock.ts'
import type { IssuedCertificate } from '../x509/issued-certificate.ts'

/** What ripening works with. */
export interface RipeningOptions {
  readonly clock: Clock
  readonly policy: Policy
}

/** Waits for responses that begin soon: a CA whose clock is a little ahead, and that signs for each request, has no others. */
export class Ripening {
  readonly #options: RipeningOptions
  #waiting = 0

  constructor(options: RipeningOptions) {
    this.#options = options
  }

  /**
   * The outcome, but a response with no fault but that it begins within a minute is waited for, as long as not too many are. Ended by `signal` it
   * stays as it was. Never rejects.
   */
  async ripen(
    outcome: FetchOutcome,
    subject: IssuedCertificate,
    signal: AbortSignal,
  ): Promise<FetchOutcome> {
    if (outcome.kind !== 'failed' || outcome.failure.kind !== 'rejected') return outcome
    const { clock, policy } = this.#options
    const { received: response, findings } = outcome.failure
    const faults = findings.filter(({ level }) => level === 'reject')
    if (!faults.every(({ rule }) => rule === 'this-update-in-future')) return outcome
    const judgedAt = (now = clock.now()) => judge({ response, ...subject, policy, now })
    const soon = judgedAt(plus(clock.now(), LONGEST))
    if (!soon.accepted || this.#waiting >= MOST_WAITING) return outcome
    this.#waiting++
    await clock.sleep(durationMs(Math.max(0, soon.staple.thisUpdate - clock.now())), signal)
    this.#waiting--
    const verdict = judgedAt()
    const from = outcome.attempts.findLast(({ outcome }) => outcome === 'this-update-in-future')
    if (!verdict.accepted || from === undefined) return outcome
    const { staple } = verdict
    const { attempts } = outcome
    return {
      kind: 'staple',
      ...{ staple, findings, attempts },
      url: from.url,
      freshUntil: undefined,
    }
  }
}

/** Beside a fetch, well within the lease of a claim. */
const LONGEST = MINUTE_MS
/** What waits keeps its place among the attempts under way (`MOST_UNDER_WAY` of the crawler), which are there for other CAs as well. */
const MOST_WAITING = 256
