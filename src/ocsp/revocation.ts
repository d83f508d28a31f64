import { DAY_MS, type EpochMs, epochMs, plus } from '../der/time.ts'
import type { Facts } from './facts.ts'
import { type Examination, examine, type JudgeInput } from './judge.ts'
import { defaultPolicy } from './policy.ts'
import type { CertStatus, Finding } from './verdict.ts'

/** A response by which the CA says that a certificate is revoked, right in every other way: whoever has it can show it. */
export interface Revocation {
  /** DER in canonical form. */
  readonly der: Uint8Array
  readonly thisUpdate: EpochMs
}

/** What is known of a response that may or may not prove a revocation. */
export type RevocationVerdict =
  | { readonly proven: true; readonly revocation: Revocation }
  | {
      readonly proven: false
      /** What a response says that could be read. */
      readonly status: CertStatus | undefined
      /** What is wrong with it, beside that it says revoked. */
      readonly faults: readonly Finding[]
    }

/**
 * Judges a response as `judge` does, for whether it proves that the certificate is revoked. A revocation is for good, so that it does after its
 * nextUpdate as well; not where it may be lifted (certificateHold), or where the CA had not heard of the certificate. Pure.
 */
export function judgeRevocation(input: JudgeInput): RevocationVerdict {
  const subject = { ...input, policy: input.policy ?? defaultPolicy, servedChain: undefined }
  const examination = examine(subject)
  const verdict = verdictOf(examination)
  const madeAt = finalSince(examination.facts)
  if (verdict.proven || madeAt === undefined || madeAt >= input.now) return verdict
  return verdictOf(examine({ ...subject, now: madeAt }))
}

/** Whether nothing is wrong with a response but that it says revoked. */
export function isOnlyRevoked(findings: readonly Finding[]): boolean {
  const rejecting = findings.filter(isRejecting)
  return rejecting.length > 0 && rejecting.every(({ rule }) => REVOKED.has(rule))
}

function verdictOf({ facts, findings, canonical }: Examination): RevocationVerdict {
  const { single } = facts
  const faults = findings.filter((one) => isRejecting(one) && !isRevocation(one, facts))
  if (faults.length > 0 || canonical === undefined || single?.certStatus.status !== 'revoked') {
    return { proven: false, status: single?.certStatus.status, faults }
  }
  return { proven: true, revocation: { der: canonical.der, thisUpdate: single.thisUpdate } }
}

/** Whether a finding is the revocation itself: of a certificate in its first day, the CA may only not have heard yet (CA #5). */
function isRevocation({ rule }: Finding, { single, certificate }: Facts): boolean {
  if (rule !== 'status-not-issued') return REVOKED.has(rule)
  if (single === undefined || certificate === undefined) return false
  return single.thisUpdate >= plus(certificate.notBefore, DAY_MS)
}

/** When a response was made that says revoked for good. */
function finalSince({ basic, single }: Facts): EpochMs | undefined {
  if (basic === undefined || single?.certStatus.status !== 'revoked') return undefined
  if (single.certStatus.reason === CERTIFICATE_HOLD) return undefined
  return epochMs(Math.max(single.thisUpdate, basic.producedAt))
}

function isRejecting({ level }: Finding): boolean {
  return level === 'reject'
}

const REVOKED: ReadonlySet<string> = new Set(['status-revoked', 'status-not-issued'])
/** CRLReason (RFC 5280 §5.3.1). */
const CERTIFICATE_HOLD = 6
