import type { EpochMs } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { Staple } from '../ocsp/verdict.ts'
import { parseCertificate } from '../x509/certificate.ts'

/**
 * The staple that bytes found on disk are, judged anew for this certificate; `undefined` where they are none that may be handed out at
 * `now`, or the issuer is not known.
 */
export function heldStaple(
  bytes: Uint8Array,
  of: { readonly der: Uint8Array; readonly issuer?: Uint8Array | undefined },
  { now, policy }: { readonly now: EpochMs; readonly policy: Policy },
): Staple | undefined {
  if (of.issuer === undefined) return undefined
  const certificate = parseCertificate(of.der)
  const issuer = parseCertificate(of.issuer)
  if ('kind' in certificate || 'kind' in issuer) return undefined
  const verdict = judge({ response: bytes, certificate, issuer, now, policy })
  return verdict.accepted && verdict.staple.usableUntil > now ? verdict.staple : undefined
}
