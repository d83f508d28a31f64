import type { EpochMs } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { Staple } from '../ocsp/verdict.ts'
import { parseIssued } from '../x509/issued-certificate.ts'

/**
 * The staple that bytes found on disk are, judged anew for this certificate; `undefined` where they are none that may be handed out at
 * `now`, or the issuer is not known.
 */
export function heldStaple(
  bytes: Uint8Array,
  of: { readonly der: Uint8Array; readonly issuer?: Uint8Array | undefined },
  { now, policy }: { readonly now: EpochMs; readonly policy: Policy },
): Staple | undefined {
  const issued = parseIssued(of)
  if (issued === undefined) return undefined
  const verdict = judge({ response: bytes, ...issued, now, policy })
  return verdict.accepted && verdict.staple.usableUntil > now ? verdict.staple : undefined
}
