import type { EpochMs } from '../../der/time.ts'
import { judgeRevocation } from '../../ocsp/revocation.ts'
import { sayingRevoked } from '../../refresh/next-schedule.ts'
import type { Entry } from '../../store/store.ts'
import { parseIssued } from '../../x509/issued-certificate.ts'
import {
  type JudgedBy,
  olderThan,
  refuse,
  refuseFor,
  refuseUnjudged,
  type Taking,
} from './taking.ts'

/**
 * Judges the response by which a centre says that a certificate is revoked, as `takeStaple` does staples: whoever has the centre in hand can have
 * no staple withdrawn that the CA has not revoked after it. Pure.
 */
export function takeRevocation(
  entry: Entry,
  response: Uint8Array | undefined,
  { policy, now }: JudgedBy,
): Taking {
  if (response === undefined) return refuse(NO_RESPONSE)
  const { certificate, schedule, staple } = entry
  if (staple === undefined && isSame(schedule?.revocation, response)) return { kind: 'keep' }
  const subject = parseIssued(certificate)
  if (subject === undefined) return refuseUnjudged()
  const verdict = judgeRevocation({ response, ...subject, policy, now })
  if (!verdict.proven) {
    return verdict.faults.length > 0
      ? refuseFor(verdict.faults)
      : refuse(`it is to show that the certificate is revoked, and says ${verdict.status}`)
  }
  const { revocation } = verdict
  if (staple !== undefined && staple.thisUpdate > revocation.thisUpdate) {
    return olderThan(staple, revocation)
  }
  const known = revokedByProof(entry) ?? Number.NEGATIVE_INFINITY
  if (schedule === undefined || (staple === undefined && known >= revocation.thisUpdate)) {
    return { kind: 'keep' }
  }
  const next = { ...schedule, lastError: 'revoked', ...sayingRevoked(revocation) }
  return { kind: 'withdraw', next }
}

/** As of when the CA has revoked a certificate; `undefined` where only a centre said so, which showed no response. */
export function revokedByProof({ schedule }: Pick<Entry, 'schedule'>): EpochMs | undefined {
  return schedule?.revocation === undefined ? undefined : schedule.revokedAsOf
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0
}

const NO_RESPONSE =
  'it says revoked, and does not show the response by which the CA does: bring the centre up to date if it is of an older release'
