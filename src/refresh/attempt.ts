import { httpOcspUrls } from '../certificates/classify.ts'
import type { DurationMs, EpochMs } from '../der/time.ts'
import { iso } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { Remedy } from '../ocsp/verdict.ts'
import {
  describeFailure,
  type FetchFailure,
  isRevocation,
  remedyOf,
} from '../responders/fetch-failure.ts'
import { type Attempt, type FetchOutcome, fetchStaple } from '../responders/fetch-staple.ts'
import type { Transport } from '../responders/transport.ts'
import type { CertificateRecord, Claim, Schedule, StapleRecord, Store } from '../store/store.ts'
import type { Clock, Random } from '../time/clock.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { planRefresh } from './plan.ts'
import { isNewer } from './replacement.ts'
import { planRetry } from './retry.ts'

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

/**
 * Fetches a staple for a claimed certificate and stores what came of it and when to ask next. Ended by `signal` before there is an
 * outcome, the certificate is due again as before. Rejects only where the program is wrong.
 */
export async function attempt(
  claim: Claim,
  options: AttemptOptions,
  signal: AbortSignal,
): Promise<void> {
  const { transport, clock, policy } = options
  const subject = subjectOf(claim.certificate)
  if (subject === undefined) {
    const problem = 'the stored certificate or its issuer cannot be read'
    return retry(claim, options, { problem, remedy: 'fatal', retryAfter: undefined })
  }
  const urls = httpOcspUrls(subject.certificate)
  const outcome = await fetchStaple({ ...subject, urls, transport, clock, policy, signal })
  if (outcome.kind === 'staple') return take(claim, subject, outcome, options)
  if (signal.aborted) return void (await complete(claim, options, claim.schedule))
  if (isRevocation(outcome.failure)) return revoke(claim, options, outcome)
  return retry(claim, options, lapseOf(outcome.failure))
}

interface Subject {
  readonly certificate: Certificate
  readonly issuer: Certificate
}

function subjectOf(record: CertificateRecord): Subject | undefined {
  const certificate = parseCertificate(record.der)
  const issuer = record.issuer && parseCertificate(record.issuer)
  if ('kind' in certificate || issuer === undefined || 'kind' in issuer) return undefined
  return { certificate, issuer }
}

/** A good staple is never replaced by an older one, and never by one that is past its use. */
async function take(
  claim: Claim,
  subject: Subject,
  { staple, url }: Extract<FetchOutcome, { kind: 'staple' }>,
  options: AttemptOptions,
): Promise<void> {
  const { clock, random, events, changed } = options
  const now = clock.now()
  const held = heldStaple(claim, subject, options)
  if (held !== undefined && !isNewer(staple, held)) return keep(claim, held, options)
  if (staple.usableUntil <= now) {
    const problem = `the response is usable until ${iso(staple.usableUntil)} only, and the CA has nothing newer`
    return retry(claim, options, { problem, remedy: 'back-off', retryAfter: undefined })
  }
  const { der, received, producedAt, thisUpdate, nextUpdate, usableUntil } = staple
  const times = { producedAt, thisUpdate, nextUpdate, usableUntil }
  const record: StapleRecord = { der, received, ...times, fetchedAt: now, url }
  const next = afterSuccess(planRefresh(staple, now, random), now)
  if (!(await complete(claim, options, next, record))) return
  const bytesSaved = received.length - der.length
  events.stapleStored({ certificate: claim.certificate, staple: record, next, bytesSaved })
  changed(claim.certificate)
}

/** The staple in hand, if it may still be handed out: judged anew, as the disk may be damaged or the policy another one. */
function heldStaple(
  { staple }: Claim,
  subject: Subject,
  { clock, policy }: AttemptOptions,
): StapleRecord | undefined {
  const now = clock.now()
  if (staple === undefined || staple.usableUntil <= now) return undefined
  return judge({ response: staple.der, ...subject, now, policy }).accepted ? staple : undefined
}

/** The CA has nothing newer; in the last tenth of the life of the staple in hand that is a failure. */
async function keep(claim: Claim, held: StapleRecord, options: AttemptOptions): Promise<void> {
  const { clock, random, events } = options
  const now = clock.now()
  if (held.usableUntil - now < (held.usableUntil - held.thisUpdate) / 10) {
    const problem = 'the CA has nothing newer than the staple in hand, which is in its last tenth'
    return retry(claim, options, { problem, remedy: 'back-off', retryAfter: undefined })
  }
  const next = afterSuccess(planRefresh(held, now, random), now)
  if (await complete(claim, options, next)) {
    events.stapleUnchanged({ certificate: claim.certificate, next })
  }
}

/** Withdraws the staple once a second connection has said the same; one bad backend of several must not take it away. */
async function revoke(
  claim: Claim,
  options: AttemptOptions,
  { failure, attempts }: Extract<FetchOutcome, { kind: 'failed' }>,
): Promise<void> {
  const { store, events, changed } = options
  const { certificate } = claim
  const lapse = lapseOf(failure)
  if (!isConfirmed(lapse.problem, attempts)) {
    const problem = `${lapse.problem}, by one answer only: to be confirmed over another connection`
    return retry(claim, options, { ...lapse, problem, remedy: 'back-off' })
  }
  try {
    await store.withdrawStaple(certificate.id)
  } catch (error) {
    return events.storeFailed({ error })
  }
  const next = afterFailure(claim, { ...lapse, remedy: 'fatal' }, undefined, options)
  await complete(claim, options, next)
  changed(certificate)
  events.certificateRevoked({ certificate, problem: lapse.problem })
}

function isConfirmed(problem: string, attempts: readonly Attempt[]): boolean {
  const same = attempts.filter((each) => each.problem === problem)
  return same.length > 1 && same.some(({ connection }) => connection === 'fresh')
}

/** What a failure means for the schedule. */
interface Lapse {
  readonly problem: string
  readonly remedy: Remedy
  readonly retryAfter: DurationMs | undefined
}

function lapseOf(failure: FetchFailure): Lapse {
  const asked = failure.kind === 'http' || failure.kind === 'responder'
  return {
    problem: describeFailure(failure),
    remedy: remedyOf(failure),
    retryAfter: asked ? failure.retryAfter : undefined,
  }
}

async function retry(claim: Claim, options: AttemptOptions, lapse: Lapse): Promise<void> {
  const { certificate, staple } = claim
  const next = afterFailure(claim, lapse, staple?.usableUntil, options)
  if (!(await complete(claim, options, next))) return
  const isCovered = staple !== undefined && staple.usableUntil > options.clock.now()
  const coveredUntil = isCovered ? staple.usableUntil : undefined
  options.events.fetchFailed({ certificate, problem: lapse.problem, next, coveredUntil })
}

function afterSuccess(plan: Pick<Schedule, 'dueAt' | 'reason'>, now: EpochMs): Schedule {
  return { ...plan, attempts: 0, lastAttemptAt: now, lastError: undefined }
}

function afterFailure(
  { schedule }: Claim,
  { problem, remedy, retryAfter }: Lapse,
  deadline: EpochMs | undefined,
  { clock, random }: AttemptOptions,
): Schedule {
  const now = clock.now()
  const attempts = schedule.attempts + 1
  const plan = planRetry({ attempts, remedy, retryAfter, deadline }, now, random)
  return { ...plan, attempts, lastAttemptAt: now, lastError: problem }
}

async function complete(
  { certificate }: Claim,
  { store, events }: AttemptOptions,
  next: Schedule,
  staple?: StapleRecord,
): Promise<boolean> {
  try {
    await store.complete(certificate.id, next, staple)
    return true
  } catch (error) {
    events.storeFailed({ error })
    return false
  }
}
