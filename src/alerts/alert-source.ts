import { type DurationMs, durationMs, iso, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { AttemptEvents } from '../refresh/attempt.ts'
import type { IntakeChanges } from '../refresh/intake.ts'
import type { IssuerSearchEvents } from '../refresh/issuer-search.ts'
import type { CertificateRecord, Entry, Store } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { type Alert, type AlertType, alertCertificate } from './alert.ts'
import { FailingWatch, type Failure, type Moment } from './failing-watch.ts'

/** The events that alerts come from. */
export type WatchedEvents = Pick<
  AttemptEvents,
  'stapleStored' | 'stapleUnchanged' | 'fetchFailed' | 'certificateRevoked' | 'storeFailed'
> &
  Pick<IssuerSearchEvents, 'issuerNotFound'> & {
    certificatesChanged(changes: IntakeChanges): void
  }

/** What the source works with. */
export interface AlertSourceOptions {
  readonly store: Pick<Store, 'entry' | 'entries'>
  readonly clock: Clock
  readonly policy: Pick<Policy, 'revoked'>
  /** Where events go after they were looked at. */
  readonly events: WatchedEvents
  readonly raise: (alert: Alert) => void
}

/**
 * Makes alerts of events. What fails or is revoked at the start is told again, as nothing is kept over a restart. Events are looked at one
 * after the other, and nobody waits for it.
 */
export class AlertSource implements AsyncDisposable {
  readonly #options: AlertSourceOptions
  readonly #failing = new FailingWatch()
  /** Ids of certificates that were told to be revoked: where the staple says so, every new one does. */
  readonly #revoked = new Set<string>()
  #hasRecalled = false
  readonly #stop = new AbortController()
  #wake: AbortController = new AbortController()
  #last: Promise<void> = Promise.resolve()
  readonly #loop: Promise<void>

  constructor(options: AlertSourceOptions) {
    this.#options = options
    this.#loop = this.#tellInTime()
  }

  /** The same events, looked at as they go by. */
  watch<Events extends WatchedEvents>(events: Events): Events {
    return {
      ...events,
      stapleStored: (event) => {
        events.stapleStored(event)
        this.#then(() => this.#stored(event))
      },
      stapleUnchanged: (event) => {
        events.stapleUnchanged(event)
        this.#then(() => this.#failing.answered(event.certificate.id))
      },
      fetchFailed: (event) => {
        events.fetchFailed(event)
        this.#then(() => this.#fetchFailed(event))
      },
      certificateRevoked: (event) => {
        events.certificateRevoked(event)
        this.#then(() => this.#markRevoked(event.certificate, event.problem))
      },
      issuerNotFound: (event) => {
        events.issuerNotFound(event)
        this.#then(() => this.#failed({ ...event, staple: undefined }))
      },
      certificatesChanged: (changes) => {
        events.certificatesChanged(changes)
        this.#then(() => this.#changed(changes))
        if (this.#hasRecalled) return
        // From now on the service runs, and the store holds nothing that is gone.
        this.#hasRecalled = true
        this.#then(() => this.#recall())
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all([this.#last, this.#loop])
  }

  /** Does this after all that came before. */
  #then(work: () => void | Promise<void>): void {
    const { events } = this.#options
    this.#last = this.#last
      .then(() => (this.#stop.signal.aborted ? undefined : work()))
      .catch((error: unknown) => events.storeFailed({ error }))
  }

  /** What was failing or revoked when the service ended. */
  async #recall(): Promise<void> {
    for await (const { certificate, schedule, staple } of this.#options.store.entries()) {
      if (this.#stop.signal.aborted) return
      if (schedule === undefined) continue
      const { lastError, revokedAsOf } = schedule
      if (revokedAsOf !== undefined) this.#tellRevoked(certificate, lastError ?? IN_STAPLE)
      else if (lastError !== undefined) this.#failed({ certificate, problem: lastError, staple })
    }
  }

  #stored({ certificate, staple }: Event<'stapleStored'>): void {
    const { id } = certificate
    const { usableUntil } = staple
    const reason = `a staple until ${iso(usableUntil)} came from ${staple.url}`
    if (this.#options.policy.revoked === 'withdraw') this.#revoked.delete(id)
    this.#raise('staple.stored', certificate, { reason, usableUntil })
    this.#settled(certificate, { reason, usableUntil })
  }

  async #fetchFailed({ certificate, problem, next }: Event<'fetchFailed'>): Promise<void> {
    if (next.revokedAsOf !== undefined) return
    const { id } = certificate
    // The staple in hand is no other than at the first failure.
    const entry = this.#failing.isFailing(id) ? undefined : await this.#options.store.entry({ id })
    this.#failed({ certificate, problem, staple: entry?.staple })
  }

  #failed({ certificate, problem, staple }: Failure & Pick<Entry, 'staple'>): void {
    const facts = staple && { thisUpdate: staple.thisUpdate, usableUntil: staple.usableUntil }
    const failure = { certificate: alertCertificate(certificate), problem, staple: facts }
    this.#failing.failed(failure, this.#moment())
    this.#wake.abort()
  }

  #markRevoked(certificate: CertificateRecord, problem: string): void {
    this.#failing.forget(certificate.id)
    if (this.#options.policy.revoked === 'withdraw' && !this.#revoked.has(certificate.id)) {
      const reason = 'the certificate is revoked'
      this.#raise('staple.withdrawn', certificate, { reason, usableUntil: undefined })
    }
    this.#tellRevoked(certificate, problem)
  }

  #tellRevoked(certificate: CertificateRecord, reason: string): void {
    if (this.#revoked.has(certificate.id)) return
    this.#revoked.add(certificate.id)
    this.#raise('certificate.revoked', certificate, { reason, usableUntil: undefined })
  }

  #changed({ put, removed }: IntakeChanges): void {
    const { policy } = this.#options
    for (const certificate of removed) {
      const reason = 'the certificate is gone from its files'
      const isWithdrawn = this.#revoked.delete(certificate.id) && policy.revoked === 'withdraw'
      if (certificate.classification === 'ocsp' && !isWithdrawn) {
        this.#raise('staple.withdrawn', certificate, { reason, usableUntil: undefined })
      }
      this.#settled(certificate, { reason, usableUntil: undefined })
    }
    for (const certificate of put) {
      const { classification } = certificate
      if (classification === 'ocsp' || classification === 'issuer-missing') continue
      const reason = `the certificate needs no staple any more: ${classification}`
      this.#settled(certificate, { reason, usableUntil: undefined })
    }
  }

  #settled(certificate: CertificateRecord, why: Pick<Alert, 'reason' | 'usableUntil'>): void {
    const alert = this.#failing.settled(alertCertificate(certificate), why, this.#moment())
    if (alert !== undefined) this.#options.raise(alert)
  }

  #raise(
    type: AlertType,
    certificate: CertificateRecord,
    why: Pick<Alert, 'reason' | 'usableUntil'>,
  ): void {
    const at = this.#options.clock.now()
    this.#options.raise({ type, at, certificate: alertCertificate(certificate), ...why })
  }

  /** Failing is told when a moment comes, not only when something happens. */
  async #tellInTime(): Promise<void> {
    const { clock, raise } = this.#options
    const stop = this.#stop.signal
    while (!stop.aborted) {
      // Before the look, so that what happens meanwhile is not slept through.
      this.#wake = new AbortController()
      for (const alert of this.#failing.takeDue(this.#moment())) raise(alert)
      await clock.sleep(BETWEEN_LOOKS, stop)
      const wait = this.#failing.dueIn(this.#moment()) ?? LONGEST_SLEEP
      const sleep = durationMs(Math.min(wait, LONGEST_SLEEP))
      await clock.sleep(sleep, AbortSignal.any([stop, this.#wake.signal]))
    }
  }

  #moment(): Moment {
    const { clock } = this.#options
    return { now: clock.now(), elapsed: clock.monotonic() }
  }
}

type Event<Name extends keyof WatchedEvents> = Parameters<WatchedEvents[Name]>[0]

const IN_STAPLE = 'its staple says so'
/** Each looks at all that fails, which may be every certificate of a large CA, one failure after the other. */
const BETWEEN_LOOKS: DurationMs = durationMs(SECOND_MS)
/** The wall clock may step. */
const LONGEST_SLEEP: DurationMs = durationMs(MINUTE_MS)
