import { type EpochMs, epochMs, HOUR_MS, MINUTE_MS, plus } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { Staple } from '../ocsp/verdict.ts'
import type { Entry, StapleRecord } from '../store/store.ts'
import type { IssuedCertificate } from '../x509/issued-certificate.ts'

/** The times that decide which of two staples is the later one. */
export interface StapleAge {
  readonly thisUpdate: EpochMs
  readonly nextUpdate: EpochMs
  readonly producedAt: EpochMs
}

/** The staple in hand, if it may still be handed out: judged anew, as the disk may be damaged or the policy another one. */
export function usableStaple(
  { staple }: Pick<Entry, 'staple'>,
  issued: IssuedCertificate,
  { policy, now }: { readonly policy: Policy; readonly now: EpochMs },
): StapleRecord | undefined {
  if (staple === undefined || staple.usableUntil <= now) return undefined
  return judge({ response: staple.der, ...issued, now, policy }).accepted ? staple : undefined
}

/**
 * Whether a fetched staple may take the place of the one in hand: never with an earlier thisUpdate, as the edges of a delivery network
 * disagree for hours; with the same one, the later nextUpdate and then the later producedAt wins.
 */
export function isNewer(fetched: StapleAge, held: StapleAge): boolean {
  const order =
    fetched.thisUpdate - held.thisUpdate ||
    fetched.nextUpdate - held.nextUpdate ||
    fetched.producedAt - held.producedAt
  return order > 0
}

/**
 * From when a new staple is handed out. One whose thisUpdate is only just past is from the future for clients whose clocks run late: while the
 * former one lasts an hour more, it waits until it is five minutes old.
 */
export function servedFrom(
  { thisUpdate }: Pick<StapleAge, 'thisUpdate'>,
  former: { readonly usableUntil: EpochMs } | undefined,
  now: EpochMs,
): EpochMs {
  if (former === undefined || former.usableUntil < now + HOUR_MS) return now
  return epochMs(Math.max(now, plus(thisUpdate, 5 * MINUTE_MS)))
}

/** A staple as it is kept beside those of the certificate so far. `url` is where it came from. */
export function stapleRecord(
  { staple, url }: { readonly staple: Staple; readonly url: string },
  { staple: held, former }: Pick<Entry, 'staple' | 'former'>,
  now: EpochMs,
): StapleRecord {
  const { der, received, producedAt, thisUpdate, nextUpdate, usableUntil } = staple
  const served = held !== undefined && held.servedFrom > now ? former : held
  return {
    ...{ der, received, producedAt, thisUpdate, nextUpdate, usableUntil, url },
    fetchedAt: now,
    servedFrom: servedFrom(staple, served, now),
  }
}
