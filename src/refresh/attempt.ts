import { httpOcspUrls } from '../certificates/classify.ts'
import { DAY_MS, durationMs, type EpochMs, iso, plus } from '../der/time.ts'
import type { Policy } from '../ocsp/policy.ts'
import { judgeRevocation, type Revocation } from '../ocsp/revocation.ts'
import type { Staple } from '../ocsp/verdict.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'
import { type Habits, hasGap } from '../responders/cadence.ts'
import {
  describeFailure,
  type FetchFailure,
  failureName,
  isRevocation,
  remedyOf,
} from '../responders/fetch-failure.ts'
import {
  type Attempt,
  type FetchOutcome,
  fetchStaple,
  type Held,
} from '../responders/fetch-staple.ts'
import type { Sign } from '../responders/health.ts'
import { looksGone, SHUT_DOWN_AFTER } from '../responders/shut-down.ts'
import type { Transport } from '../responders/transport.ts'
import type { CertificateRecord, Claim, Schedule, StapleRecord, Store } from '../store/store.ts'
import type { Clock, Random } from '../time/clock.ts'
import { jitter } from '../time/jitter.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type IssuedCertificate, parseIssued } from '../x509/issued-certificate.ts'
import { logged } from './attempt-record.ts'
import type { ClockComparison } from './clock-comparison.ts'
import {
  afterFailure,
  afterSuccess,
  type Lapse,
  sayingRevoked,
  standingRevocation,
} from './next-schedule.ts'
import { endsWithCertificate } from './plan.ts'
import { isNewer, stapleRecord, usableStaple } from './replacement.ts'
import type { ResponderBook } from './responder-book.ts'
import type { Ripening } from './ripening.ts'
import { retryAfterOf, signOf, troubleOf } from './trouble.ts'

/** What comes of attempts. */
export interface AttemptEvents {
  /** A newer staple is stored. */
  stapleStored(event: {
    readonly certificate: CertificateRecord
    readonly staple: StapleRecord
    readonly next: Schedule
    readonly bytesSaved: number
  }): void
  /** The responder's answer is good and not newer than the one in hand. */
  stapleUnchanged(event: { readonly certificate: CertificateRecord; readonly next: Schedule }): void
  /** The responder's answer is good and older than the one in hand: a cache or a backend of it has not been renewed. */
  staleEdge(event: {
    readonly certificate: CertificateRecord
    readonly remoteAddress: string | undefined
    readonly thisUpdate: EpochMs
    readonly held: EpochMs
  }): void
  fetchFailed(event: {
    readonly certificate: CertificateRecord
    readonly problem: string
    readonly next: Schedule
    /** Until when the staple in hand lasts, if there is a usable one. */
    readonly coveredUntil: EpochMs | undefined
  }): void
  /** The CA says revoked, and said so again over another connection: the staple, if there was one, is withdrawn. */
  certificateRevoked(event: {
    readonly certificate: CertificateRecord
    readonly problem: string
  }): void
  /** The store did not take the outcome; it will be fetched again when the claim has lapsed. */
  storeFailed(event: { readonly error: unknown }): void
}

/** What an attempt works with. */
export interface AttemptOptions {
  readonly store: Pick<Store, 'complete' | 'withdrawStaple'>
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly policy: Policy
  readonly events: AttemptEvents
  /** Called after the staple of a certificate was stored or withdrawn. */
  readonly changed: (certificate: CertificateRecord) => void
}

/** What attempts have in common while the crawler runs. */
export interface AttemptContext extends AttemptOptions {
  readonly book: ResponderBook
  readonly clocks: ClockComparison
  readonly ripening: Ripening
}

/** How one attempt is told to end, and what it tells when the responder has been heard and the outcome is only to be stored. */
export interface AttemptCalls {
  readonly signal: AbortSignal
  /** Called once; without a sign where it tells nothing about the responder. */
  readonly heard: (sign: Sign | undefined) => void
}

/**
 * Fetches a staple for a claimed certificate and stores what came of it and when to ask next. Ended by `signal` before there is an outcome, the
 * certificate is due again as before. Rejects only where the program is wrong.
 */
export async function attempt(
  claim: Claim,
  context: AttemptContext,
  { signal, heard }: AttemptCalls,
): Promise<void> {
  const { transport, clock, policy, clocks, ripening, book } = context
  const subject = parseIssued(claim.certificate)
  const run = new Run(claim, context)
  if (subject === undefined) {
    heard(undefined)
    await run.fail({
      problem: 'the stored certificate or its issuer cannot be read',
      remedy: 'fatal',
      trouble: 'certificate',
      retryAfter: undefined,
    })
    return
  }
  const { responder } = claim.certificate
  const usable = usableStaple(claim, subject, { policy, now: clock.now() })
  const habits = book.habits(responder)
  const fetched = await fetchStaple({
    ...subject,
    urls: httpOcspUrls(subject.certificate),
    first: book.firstMethod(responder),
    held: claim.staple && {
      thisUpdate: claim.staple.thisUpdate,
      state: stateOf(claim.staple, clock.now()),
    },
    transport,
    clock,
    policy,
    signal,
  })
  const isAborted = (outcome: FetchOutcome) => outcome.kind === 'failed' && signal.aborted
  heard(isAborted(fetched) ? undefined : signOf(fetched))
  const outcome = await ripening.ripen(fetched, subject, signal)
  if (isAborted(outcome)) return run.handBack()
  clocks.look(responder, outcome.attempts, clock.now())
  book.learnMethod(responder, outcome.attempts)
  await run.settle(outcome, subject, usable)

  function stateOf(staple: StapleRecord, now: EpochMs): Held['state'] {
    return isEnding(staple, claim.certificate, { habits, now }) ? 'ending' : 'lasting'
  }
}

/**
 * Whether a staple is in its last tenth, or past it, and there should be something newer: not where periods hardly overlap, as every staple ends
 * like this, nor where the certificate ends as well.
 */
function isEnding(
  staple: StapleRecord,
  { notAfter }: CertificateRecord,
  { habits, now }: { readonly habits: Habits; readonly now: EpochMs },
): boolean {
  const { thisUpdate, usableUntil } = staple
  const isLate = usableUntil - now < (usableUntil - thisUpdate) / 10
  return isLate && !hasGap(habits) && !endsWithCertificate(staple, notAfter)
}

/** What becomes of one claim. */
class Run {
  readonly #claim: Claim
  readonly #context: AttemptContext
  /** Kept with the outcome. */
  #log: readonly LoggedAttempt[] = []

  constructor(claim: Claim, context: AttemptContext) {
    this.#claim = claim
    this.#context = context
  }

  async settle(
    outcome: FetchOutcome,
    subject: IssuedCertificate,
    usable: StapleRecord | undefined,
  ): Promise<void> {
    const { attempts } = outcome
    const { certificate } = subject
    const { id } = this.#claim.certificate
    const held = this.#claim.staple?.thisUpdate
    const findings = outcome.kind === 'staple' ? outcome.findings : []
    this.#log = attempts.map((each) => logged(each, { id, certificate, held, findings }))
    if (outcome.kind === 'staple') return this.#take(outcome, subject, usable)
    const { failure } = outcome
    const lapse = this.#lapseOf(failure, certificate)
    const revocation = this.#revocationIn(failure, subject)
    if (revocation === undefined || lapse.trouble === 'too-new') return this.fail(lapse)
    if (isConfirmed(lapse.problem, attempts)) return this.#revoke(lapse, revocation)
    const problem = `${lapse.problem}, by one answer only: to be confirmed over another connection`
    return this.fail({ ...lapse, problem, remedy: 'back-off' })
  }

  /** A good staple is never replaced by an older one, and never by one that is past its use. */
  async #take(
    outcome: Extract<FetchOutcome, { kind: 'staple' }>,
    subject: IssuedCertificate,
    usable: StapleRecord | undefined,
  ): Promise<void> {
    const { staple, freshUntil, attempts } = outcome
    const { clock } = this.#context
    const isRevoked = staple.status === 'revoked'
    if (isRevoked && attempts.filter(({ outcome: of }) => of === 'staple').length < 2) {
      const problem = 'revoked, by one answer only: to be confirmed over another connection'
      return this.fail({ ...NOTHING_NEWER, trouble: 'certificate', problem })
    }
    if (usable !== undefined && !isNewer(staple, usable)) return this.#keep(outcome, usable)
    if (staple.usableUntil <= clock.now()) {
      const problem = `the response is usable until ${iso(staple.usableUntil)} only, and the CA has nothing newer`
      return this.fail({ ...NOTHING_NEWER, problem })
    }
    const { revokedAsOf } = this.#claim.schedule
    if (!isRevoked && revokedAsOf !== undefined && staple.thisUpdate <= revokedAsOf) {
      const problem = `good as of ${iso(staple.thisUpdate)}, but revoked as of ${iso(revokedAsOf)}: an old answer`
      return this.fail({ ...NOTHING_NEWER, remedy: 'fatal', problem })
    }
    this.#learn(staple, subject)
    const record = stapleRecord(outcome, this.#claim, clock.now())
    const { notAfter } = this.#claim.certificate
    const settled = afterSuccess({ staple, freshUntil, notAfter, ...this.#planning() })
    const next = isRevoked ? { ...settled, ...sayingRevoked(staple) } : settled
    if (!(await this.#complete(next, record))) return
    const { certificate } = this.#claim
    const bytesSaved = staple.received.length - staple.der.length
    const { events } = this.#context
    events.stapleStored({ certificate, staple: record, next, bytesSaved })
    if (isRevoked && revokedAsOf === undefined) {
      events.certificateRevoked({
        certificate,
        problem: 'its staple says so, and a second connection',
      })
    }
    this.#context.changed(certificate)
  }

  /** The CA has nothing newer; in the last tenth of the life of the staple in hand that is a failure, unless it is its habit. */
  async #keep(
    { staple, freshUntil, attempts }: Extract<FetchOutcome, { kind: 'staple' }>,
    held: StapleRecord,
  ): Promise<void> {
    const { events, clock } = this.#context
    const { certificate } = this.#claim
    const { thisUpdate } = staple
    if (thisUpdate < held.thisUpdate) {
      const from = attempts.findLast((each) => each.thisUpdate === thisUpdate)
      const remoteAddress = from?.remoteAddress
      events.staleEdge({ certificate, remoteAddress, thisUpdate, held: held.thisUpdate })
    }
    const planning = this.#planning()
    if (isEnding(held, certificate, planning)) {
      const problem = 'the CA has nothing newer than the staple in hand, which is in its last tenth'
      return this.fail({ ...NOTHING_NEWER, problem })
    }
    const { notAfter } = certificate
    const settled = afterSuccess({ staple: held, freshUntil, notAfter, ...planning })
    const standing = standingRevocation(this.#claim.schedule)
    const next = { ...settled, ...standing, unchangedAt: clock.now() }
    if (await this.#complete(next)) events.stapleUnchanged({ certificate, next })
  }

  #learn(after: Staple, { certificate: { notBefore } }: IssuedCertificate): void {
    const { staple: before, schedule, certificate } = this.#claim
    if (before === undefined || after.thisUpdate <= before.thisUpdate) return
    // The first response about a new certificate is made when it is issued, whatever the period of the CA.
    if (before.thisUpdate < notBefore + (before.nextUpdate - before.thisUpdate)) return
    const { book, clock } = this.#context
    const { unchangedAt } = schedule
    const sameAt =
      unchangedAt !== undefined && unchangedAt > before.fetchedAt ? unchangedAt : undefined
    book.learn(certificate.responder, { before, after, seenAt: clock.now(), sameAt })
  }

  /**
   * A URL at which nobody has answered for a week is given up: it is asked daily from then on. Not where no connection is made: that may be the network
   * here, which is to be noticed at once when it is back, and costs the CA nothing.
   */
  #lapseOf(failure: FetchFailure, certificate: Certificate): Lapse {
    const { book, clock } = this.#context
    const now = clock.now()
    const lapse = lapseOf(failure, certificate, now)
    const goneSince = book.goneSince(this.#claim.certificate.responder)
    const isGone =
      failure.kind === 'http' && looksGone(failureName(failure)) && goneSince !== undefined
    if (!isGone || now < plus(goneSince, SHUT_DOWN_AFTER)) return lapse
    const problem = `${lapse.problem}, as to all requests since ${iso(goneSince)}: the CA may have ended OCSP`
    return { ...lapse, problem, remedy: 'fatal' }
  }

  /** As it is kept, to be shown to edges. */
  #revocationIn(failure: FetchFailure, subject: IssuedCertificate): Revocation | undefined {
    if (failure.kind !== 'rejected' || !isRevocation(failure)) return undefined
    const { clock, policy } = this.#context
    const { received: response } = failure
    const verdict = judgeRevocation({ response, ...subject, policy, now: clock.now() })
    return verdict.proven ? verdict.revocation : undefined
  }

  /** Withdraws the staple; a second connection has said the same, as one bad backend of several must not take it away. */
  async #revoke(lapse: Lapse, revocation: Revocation): Promise<void> {
    const { store, events, changed, clock, random } = this.#context
    const { certificate, schedule } = this.#claim
    const now = clock.now()
    // Before the staple goes, so that whoever sees it gone sees why.
    const completed = this.#complete({
      dueAt: plus(now, jitter(durationMs(DAY_MS), 0.1, random)),
      reason: 'revoked: asked daily whether that stands',
      attempts: schedule.attempts + 1,
      lastAttemptAt: now,
      lastError: lapse.problem,
      ...sayingRevoked(revocation),
    })
    try {
      await store.withdrawStaple(certificate.id)
    } catch (error) {
      return events.storeFailed({ error })
    }
    await completed
    changed(certificate)
    const isNews = schedule.revokedAsOf === undefined
    const problem = `${lapse.problem}, confirmed over a second connection`
    if (isNews) events.certificateRevoked({ certificate, problem })
  }

  /** Nothing came of it. */
  async fail(lapse: Lapse): Promise<void> {
    const { certificate, staple } = this.#claim
    const next = afterFailure(this.#claim, lapse, this.#planning())
    if (!(await this.#complete(next))) return
    const { clock, events } = this.#context
    const isCovered = staple !== undefined && staple.usableUntil > clock.now()
    const coveredUntil = isCovered ? staple.usableUntil : undefined
    events.fetchFailed({ certificate, problem: lapse.problem, next, coveredUntil })
  }

  /** Nothing was done: it is due as before. */
  async handBack(): Promise<void> {
    await this.#complete(this.#claim.schedule)
  }

  #planning() {
    const { book, clock, random } = this.#context
    return { habits: book.habits(this.#claim.certificate.responder), now: clock.now(), random }
  }

  async #complete(next: Schedule, staple?: StapleRecord): Promise<boolean> {
    const { store, events } = this.#context
    const attempts = this.#log
    try {
      await store.complete(this.#claim.certificate.id, next, {
        attempts,
        ...(staple && { staple }),
      })
      return true
    } catch (error) {
      events.storeFailed({ error })
      return false
    }
  }
}

const NOTHING_NEWER = {
  remedy: 'back-off',
  trouble: 'nothing-newer',
  retryAfter: undefined,
} as const

function isConfirmed(problem: string, attempts: readonly Attempt[]): boolean {
  const same = attempts.filter((each) => each.problem === problem)
  return same.length > 1 && same.some(({ connection }) => connection === 'fresh')
}

function lapseOf(failure: FetchFailure, certificate: Certificate, now: EpochMs): Lapse {
  const isNew = now < plus(certificate.notBefore, DAY_MS)
  return {
    problem: describeFailure(failure),
    remedy: remedyOf(failure),
    trouble: troubleOf(failure, isNew ? 'new' : 'aged'),
    retryAfter: retryAfterOf(failure),
  }
}
