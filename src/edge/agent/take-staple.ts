import { durationMs, type EpochMs, epochMs, iso } from '../../der/time.ts'
import { judge } from '../../ocsp/judge.ts'
import { isOnlyRevoked } from '../../ocsp/revocation.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import { sayingRevoked } from '../../refresh/next-schedule.ts'
import { isNewer, stapleRecord, usableStaple } from '../../refresh/replacement.ts'
import type { Entry, Schedule } from '../../store/store.ts'
import { parseIssued } from '../../x509/issued-certificate.ts'
import { revokedByProof, takeRevocation } from './take-revocation.ts'
import {
  type JudgedBy,
  olderThan,
  refuse,
  refuseFor,
  refuseUnjudged,
  type Taking,
} from './taking.ts'

/** A staple on its way from a centre. */
export interface Sent {
  /** As received. */
  readonly der: Uint8Array
  /** The centre's URL. */
  readonly from: string
}

/**
 * Judges what a centre sent for a certificate as if it came from the CA, by the edge's own copy of the certificate and its own clock and policy:
 * whoever has the centre in hand can withhold staples, and forge none. Pure.
 */
export function takeStaple(entry: Entry, sent: Sent, by: JudgedBy): Taking {
  const { der, from } = sent
  const { policy, now } = by
  // What is in hand was judged, and is again whenever it is read.
  if (entry.staple !== undefined && Buffer.compare(entry.staple.der, der) === 0) {
    return { kind: 'keep' }
  }
  const subject = parseIssued(entry.certificate)
  if (subject === undefined) return refuseUnjudged()
  const verdict = judge({ response: der, ...subject, now, policy })
  // From a centre that staples revocations, to an edge that does not.
  if (!verdict.accepted && isOnlyRevoked(verdict.findings)) return takeRevocation(entry, der, by)
  if (!verdict.accepted) return refuseFor(verdict.findings)
  const { staple } = verdict
  if (staple.usableUntil <= now) return refuse(`it is usable until ${iso(staple.usableUntil)} only`)
  const held = usableStaple(entry, subject, { policy, now })
  if (held !== undefined && !isNewer(staple, held)) return olderThan(held, staple)
  const isRevoked = staple.status === 'revoked'
  const revokedAsOf = revokedByProof(entry)
  if (!isRevoked && revokedAsOf !== undefined && staple.thisUpdate <= revokedAsOf) {
    return refuse(
      `it says good as of ${iso(staple.thisUpdate)}, and the certificate is revoked as of ${iso(revokedAsOf)}`,
    )
  }
  const next = nextAfter(staple, now)
  return {
    kind: 'take',
    staple: stapleRecord({ staple, url: from }, entry, now),
    next: isRevoked ? { ...next, ...sayingRevoked(staple) } : next,
  }
}

/**
 * The centre renews long before; once less than a quarter of the life is left, an edge that may asks the CA itself.
 */
function nextAfter({ thisUpdate, usableUntil }: Staple, now: EpochMs): Schedule {
  const quarter = durationMs((usableUntil - thisUpdate) / 4)
  return {
    dueAt: epochMs(Math.round(usableUntil - quarter)),
    reason: 'a quarter of usable life is left, and the centre has sent nothing newer',
    attempts: 0,
    lastAttemptAt: now,
    lastError: undefined,
  }
}
