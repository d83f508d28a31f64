import { durationMs, type EpochMs, epochMs, iso } from '../../der/time.ts'
import { judge } from '../../ocsp/judge.ts'
import type { Policy } from '../../ocsp/policy.ts'
import type { Finding, Staple } from '../../ocsp/verdict.ts'
import { isNewer, stapleRecord, usableStaple } from '../../refresh/replacement.ts'
import type { Entry, Schedule, StapleRecord } from '../../store/store.ts'
import { parseIssued } from '../../x509/issued-certificate.ts'

/** What comes of a staple that a centre sends. */
export type Taking =
  | { readonly kind: 'take'; readonly staple: StapleRecord; readonly next: Schedule }
  /** It is the one in hand. */
  | { readonly kind: 'keep' }
  /** It is good, but older than the one in hand, which a centre that was restored from a backup may send. */
  | { readonly kind: 'older'; readonly problem: string }
  /** It is no staple for this certificate, or not one that may be handed out: the centre is mistaken, or lies. */
  | { readonly kind: 'refuse'; readonly problem: string }

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
export function takeStaple(
  entry: Entry,
  { der, from }: Sent,
  { policy, now }: { readonly policy: Policy; readonly now: EpochMs },
): Taking {
  // What is in hand was judged, and is again whenever it is read.
  if (entry.staple !== undefined && Buffer.compare(entry.staple.der, der) === 0) {
    return { kind: 'keep' }
  }
  const subject = parseIssued(entry.certificate)
  if (subject === undefined) {
    return refuse('the issuer of the certificate is not known here, so that nothing can be judged')
  }
  const verdict = judge({ response: der, ...subject, now, policy })
  if (!verdict.accepted) return refuse(describe(verdict.findings))
  const { staple } = verdict
  if (staple.usableUntil <= now) return refuse(`it is usable until ${iso(staple.usableUntil)} only`)
  const held = usableStaple(entry, subject, { policy, now })
  if (held !== undefined && !isNewer(staple, held)) {
    const problem = `it is of ${iso(staple.thisUpdate)}, and the one in hand of ${iso(held.thisUpdate)}`
    return { kind: 'older', problem }
  }
  const revokedAsOf = entry.schedule?.revokedAsOf
  if (revokedAsOf !== undefined && staple.thisUpdate <= revokedAsOf) {
    return refuse(
      `it says good as of ${iso(staple.thisUpdate)}, and the certificate is revoked as of ${iso(revokedAsOf)}`,
    )
  }
  return {
    kind: 'take',
    staple: stapleRecord({ staple, url: from }, entry, now),
    next: nextAfter(staple, now),
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

function describe(findings: readonly Finding[]): string {
  const [worst] = findings.filter(({ level }) => level === 'reject')
  return worst === undefined ? 'refused' : `${worst.rule}: saw ${worst.saw}`
}

function refuse(problem: string): Taking {
  return { kind: 'refuse', problem }
}
