import { httpOcspUrls } from '../certificates/classify.ts'
import {
  type DurationMs,
  durationMs,
  type EpochMs,
  HOUR_MS,
  MINUTE_MS,
  SECOND_MS,
} from '../der/time.ts'
import type { Policy } from '../ocsp/policy.ts'
import {
  describeFailure,
  type FetchFailure,
  isRevocation,
  remedyOf,
} from '../responders/fetch-failure.ts'
import { type FetchOutcome, fetchStaple } from '../responders/fetch-staple.ts'
import type { Transport } from '../responders/transport.ts'
import type { CertificateRecord, Claim, Schedule, StapleRecord, Store } from '../store/store.ts'
import type { Clock, Random } from '../time/clock.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { Lanes } from './lanes.ts'
import { planRefresh } from './plan.ts'
import { isNewer } from './replacement.ts'
import { planRetry } from './retry.ts'

/** What the crawler tells. */
export interface CrawlerEvents {
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
    /** Until when the staple in hand lasts, if there is one. */
    readonly coveredUntil: EpochMs | undefined
  }): void
  /** The CA says revoked, and said so again over another connection: the staple is withdrawn. */
  certificateRevoked(event: {
    readonly certificate: CertificateRecord
    readonly problem: string
  }): void
  /** The store did not take the outcome; it will be fetched again when the claim has lapsed. */
  storeFailed(event: { readonly error: unknown }): void
}

/** What the crawler works with. */
export interface CrawlerOptions {
  readonly store: Store
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly policy: Policy
  /** Fetches under way at once, over all and for each responder. */
  readonly concurrency: { readonly total: number; readonly perResponder: number }
  readonly events: CrawlerEvents
  /** Called after the staple of a certificate was stored or withdrawn. */
  readonly changed: (certificate: CertificateRecord) => void
}

/**
 * The loop of the product: takes what is due from the store, fetches it, stores the outcome and when to ask next. All that must not be
 * forgotten is in the store; what is here can be lost at any moment.
 */
export class Crawler {
  readonly #options: CrawlerOptions
  readonly #lanes: Lanes
  #wake: AbortController = new AbortController()

  constructor(options: CrawlerOptions) {
    this.#options = options
    this.#lanes = new Lanes(options.concurrency)
  }

  /** Something may be due earlier than the store said when the loop went to sleep. */
  wake(): void {
    this.#wake.abort()
  }

  /** Runs until `signal` is aborted and the fetches under way have ended. Rejects only where the program is wrong. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const taken = await this.#takeDue(signal)
      if (taken !== 'some') await this.#rest(taken, signal)
    }
    await this.#lanes.idle()
  }

  /** Starts what is due and has room. `blocked`: something is due, but its lane is full. */
  async #takeDue(signal: AbortSignal): Promise<'some' | 'none' | 'blocked'> {
    const { store, clock, events } = this.#options
    let taken = 0
    let blocked = 0
    try {
      for (const responder of await store.dueResponders(clock.now())) {
        const limit = this.#lanes.room(responder)
        if (limit <= 0) {
          blocked++
          continue
        }
        const claims = await store.claimDue({ responder, now: clock.now(), limit, lease: LEASE })
        for (const claim of claims) this.#lanes.start(responder, () => this.#attempt(claim, signal))
        taken += claims.length
      }
    } catch (error) {
      events.storeFailed({ error })
      await clock.sleep(STORE_PAUSE, signal)
    }
    return taken > 0 ? 'some' : blocked > 0 ? 'blocked' : 'none'
  }

  /** Sleeps until a fetch has made room, or else until something is due or `wake` is called. */
  async #rest(why: 'none' | 'blocked', signal: AbortSignal): Promise<void> {
    if (why === 'blocked') return this.#lanes.ended()
    const { store, clock, events } = this.#options
    let wait: number = LONGEST_REST
    try {
      const next = await store.nextDueAt()
      if (next !== undefined) wait = Math.min(wait, Math.max(next - clock.now(), SHORTEST_REST))
    } catch (error) {
      events.storeFailed({ error })
    }
    await clock.sleep(durationMs(wait), AbortSignal.any([signal, this.#wake.signal]))
  }

  async #attempt(claim: Claim, signal: AbortSignal): Promise<void> {
    const { transport, clock, policy } = this.#options
    const certificate = parseCertificate(claim.certificate.der)
    const issuer = claim.certificate.issuer && parseCertificate(claim.certificate.issuer)
    if ('kind' in certificate || issuer === undefined || 'kind' in issuer) {
      const problem = 'the stored certificate or its issuer cannot be read'
      return this.#fail(claim, { kind: 'unreachable', cause: 'refused', problem })
    }
    const urls = urlsOf(claim)
    const outcome = await fetchStaple({
      certificate,
      issuer,
      urls,
      transport,
      clock,
      policy,
      signal,
    })
    if (signal.aborted) return this.#giveBack(claim)
    if (outcome.kind === 'failed') await this.#fail(claim, outcome.failure)
    else await this.#succeed(claim, outcome)
  }

  async #succeed(
    claim: Claim,
    { staple, url }: Extract<FetchOutcome, { kind: 'staple' }>,
  ): Promise<void> {
    const { clock, random, events, changed } = this.#options
    const now = clock.now()
    const { producedAt, thisUpdate, nextUpdate, usableUntil } = staple
    const held =
      claim.staple !== undefined && !isNewer(staple, claim.staple) ? claim.staple : undefined
    const current = held ?? { thisUpdate, usableUntil }
    const next: Schedule = {
      ...planRefresh(current, now, random),
      attempts: 0,
      lastAttemptAt: now,
      lastError: undefined,
    }
    if (held !== undefined) {
      if (await this.#complete(claim, next)) {
        events.stapleUnchanged({ certificate: claim.certificate, next })
      }
      return
    }
    const record: StapleRecord = {
      der: staple.der,
      received: staple.received,
      producedAt,
      thisUpdate,
      nextUpdate,
      usableUntil,
      fetchedAt: now,
      url,
    }
    if (!(await this.#complete(claim, next, record))) return
    const bytesSaved = staple.received.length - staple.der.length
    events.stapleStored({ certificate: claim.certificate, staple: record, next, bytesSaved })
    changed(claim.certificate)
  }

  async #fail(claim: Claim, failure: FetchFailure): Promise<void> {
    const { clock, random, events, store, changed } = this.#options
    const { certificate, schedule, staple } = claim
    const now = clock.now()
    const problem = describeFailure(failure)
    const revoked = isRevocation(failure)
    const attempts = schedule.attempts + 1
    const retryAfter =
      failure.kind === 'http' || failure.kind === 'responder' ? failure.retryAfter : undefined
    const deadline = revoked ? undefined : staple?.usableUntil
    const remedy = revoked ? 'fatal' : remedyOf(failure)
    const plan = planRetry({ attempts, remedy, retryAfter, deadline }, now, random)
    const next: Schedule = { ...plan, attempts, lastAttemptAt: now, lastError: problem }
    if (!(await this.#complete(claim, next))) return
    if (revoked && staple !== undefined) {
      await store.withdrawStaple(certificate.id)
      changed(certificate)
    }
    if (revoked) events.certificateRevoked({ certificate, problem })
    else events.fetchFailed({ certificate, problem, next, coveredUntil: staple?.usableUntil })
  }

  /** Ended before it was asked: due at once, when the service runs again. */
  async #giveBack(claim: Claim): Promise<void> {
    await this.#complete(claim, claim.schedule)
  }

  async #complete(claim: Claim, next: Schedule, staple?: StapleRecord): Promise<boolean> {
    try {
      await this.#options.store.complete(claim.certificate.id, next, staple)
      return true
    } catch (error) {
      this.#options.events.storeFailed({ error })
      return false
    }
  }
}

function urlsOf({ certificate }: Claim): readonly string[] {
  const parsed = parseCertificate(certificate.der)
  return 'kind' in parsed ? [] : httpOcspUrls(parsed)
}

/** After a crash a claim lies still for this long; a fetch takes a minute and a half at the very most (8 attempts of 10 s). */
const LEASE: DurationMs = durationMs(3 * MINUTE_MS)
const STORE_PAUSE: DurationMs = durationMs(5 * SECOND_MS)
/** The wall clock may step: look at least this often. */
const LONGEST_REST = HOUR_MS
/** While claims are under way nextDueAt can lie in the past; not a busy loop. */
const SHORTEST_REST = 50
