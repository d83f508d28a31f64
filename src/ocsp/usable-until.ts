import { type DurationMs, durationMs, type EpochMs, epochMs, MINUTE_MS } from '../der/time.ts'
import type { Certificate } from '../x509/certificate.ts'
import { clientLimits } from './clients.ts'
import type { Policy } from './policy.ts'
import type { SingleResponse } from './response.ts'
import type { Signing } from './signer.ts'

/**
 * The moment from which a response is no longer handed out: the earliest of nextUpdate, the greatest age that a required client takes
 * (7 days while Chromium is one), the notAfter of a delegated signer and that of the certificate, less the {@link safetyMargin}.
 * `undefined` where the response says no nextUpdate.
 */
export function usableUntil(
  single: SingleResponse | undefined,
  signing: Signing | undefined,
  {
    certificate,
    policy,
  }: { readonly certificate: Certificate | undefined; readonly policy: Policy },
): EpochMs | undefined {
  if (single?.nextUpdate === undefined) return undefined
  const signer = signing?.signer
  const end = Math.min(
    single.nextUpdate,
    single.thisUpdate + greatestAge(policy),
    signer?.kind === 'delegate' ? signer.certificate.notAfter : Number.POSITIVE_INFINITY,
    certificate?.notAfter ?? Number.POSITIVE_INFINITY,
  )
  return epochMs(end - safetyMargin(durationMs(end - single.thisUpdate)))
}

/** The least of what the required clients take, looked up once for each policy. */
function greatestAge(policy: Policy): number {
  const known = greatestAges.get(policy)
  if (known !== undefined) return known
  const least = Math.min(...policy.clients.map((client) => clientLimits[client].maxAge))
  greatestAges.set(policy, least)
  return least
}

const greatestAges = new WeakMap<Policy, number>()

/**
 * What is kept back at the end for clients whose clocks are ahead: five minutes, as HAProxy keeps, but never more than a hundredth of
 * the life, so that a response of one hour is not lost for a twelfth of it.
 */
export function safetyMargin(life: DurationMs): DurationMs {
  return durationMs(Math.max(0, Math.min(5 * MINUTE_MS, Math.floor(life / 100))))
}
