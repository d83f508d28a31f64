import { DAY_MS, type DurationMs, durationMs, type EpochMs, iso, MINUTE_MS } from '../der/time.ts'
import type { StapleRecord } from '../store/store.ts'
import type { Alert, AlertCertificate } from './alert.ts'

/** A moment on both clocks: the wall clock, which may step, and elapsed time. */
export interface Moment {
  readonly now: EpochMs
  readonly elapsed: DurationMs
}

/** An attempt that brought nothing. */
export interface Failure {
  readonly certificate: AlertCertificate
  readonly problem: string
  /** The one in hand, be it past its use; `undefined` where there has been none. */
  readonly staple: Pick<StapleRecord, 'thisUpdate' | 'usableUntil'> | undefined
}

/**
 * Knows which certificates are failing, and when that puts their staples at risk: an alert when that begins, one a day while it lasts, and
 * one when it ends. What fails and mends itself in time raises none.
 */
export class FailingWatch {
  readonly #troubles = new Map<string, Trouble>()

  /** Whether the certificate is failing, be its staple at risk or not. */
  isFailing(id: string): boolean {
    return this.#troubles.has(id)
  }

  /** An attempt has failed. The staple of a first failure counts until the certificate is settled. */
  failed({ certificate, problem, staple }: Failure, { elapsed }: Moment): void {
    const { id } = certificate
    const before = this.#troubles.get(id) ?? { staple, since: elapsed, toldAt: undefined }
    this.#troubles.set(id, { ...before, certificate, problem })
  }

  /** The responder answered well and had nothing newer: that ends what nobody was told of. */
  answered(id: string): void {
    if (this.#troubles.get(id)?.toldAt === undefined) this.#troubles.delete(id)
  }

  /** It is failing no longer, for this reason. The alert that says so, if one said that it was. */
  settled(
    certificate: AlertCertificate,
    { reason, usableUntil }: Pick<Alert, 'reason' | 'usableUntil'>,
    { now }: Moment,
  ): Alert | undefined {
    const trouble = this.#troubles.get(certificate.id)
    this.#troubles.delete(certificate.id)
    if (trouble?.toldAt === undefined) return undefined
    return { type: 'certificate.recovered', at: now, certificate, reason, usableUntil }
  }

  /** It matters no longer whether it fails; nobody is told. */
  forget(id: string): void {
    this.#troubles.delete(id)
  }

  /** The alerts that are due. Once a day at most for each certificate that goes on failing. */
  takeDue(moment: Moment): readonly Alert[] {
    const alerts: Alert[] = []
    for (const [id, trouble] of this.#troubles) {
      if (waitOf(trouble, moment) > 0) continue
      alerts.push(alertOf(trouble, moment))
      this.#troubles.set(id, { ...trouble, toldAt: moment.elapsed })
    }
    return alerts
  }

  /** For how long none is due, unless something happens; `undefined` while nothing fails. */
  dueIn(moment: Moment): DurationMs | undefined {
    let least: number | undefined
    for (const trouble of this.#troubles.values()) {
      least = Math.min(least ?? Number.POSITIVE_INFINITY, waitOf(trouble, moment))
    }
    return least === undefined ? undefined : durationMs(Math.max(0, least))
  }
}

interface Trouble extends Failure {
  /** The first failure, in elapsed time. */
  readonly since: DurationMs
  /** The last alert, in elapsed time. */
  readonly toldAt: DurationMs | undefined
}

function waitOf({ staple, since, toldAt }: Trouble, { now, elapsed }: Moment): number {
  if (toldAt !== undefined) return toldAt + AGAIN - elapsed
  if (staple === undefined) return since + NEW_CERTIFICATE - elapsed
  const { thisUpdate, usableUntil } = staple
  const life = usableUntil - thisUpdate
  const settled = since + Math.min(SHORT_FAILURE, life / 20)
  return Math.max(usableUntil - life / 4 - now, settled - elapsed)
}

function alertOf({ certificate, problem, staple }: Trouble, { now }: Moment): Alert {
  const isCovered = staple !== undefined && staple.usableUntil > now
  const cover = isCovered
    ? `the staple in hand lasts until ${iso(staple.usableUntil)}`
    : 'it has no staple'
  return {
    type: 'certificate.failing',
    at: now,
    certificate,
    reason: `${problem}; ${cover}`,
    usableUntil: isCovered ? staple.usableUntil : undefined,
  }
}

const AGAIN = DAY_MS
/** CAs have fifteen minutes before they must know a new certificate (BR 4.9.10). */
const NEW_CERTIFICATE = 15 * MINUTE_MS
/** What is over after some minutes, as are the gaps between periods that do not overlap, wakes nobody up. */
const SHORT_FAILURE = 5 * MINUTE_MS
