import type { EpochMs } from '../der/time.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { Policy } from './policy.ts'
import type { Verdict } from './verdict.ts'

/** What a response is judged by. */
export interface JudgeInput {
  /** The body as received. */
  readonly response: Uint8Array
  readonly certificate: Certificate
  readonly issuer: Certificate
  readonly now: EpochMs
  /** Default: {@link defaultPolicy}. */
  readonly policy?: Policy
}

/**
 * Judges a response as every client would. Accepted means: its canonical form is taken by every client that the policy requires,
 * from `now` until `staple.usableUntil`. Pure; never throws because a response is bad.
 */
export function judge(_input: JudgeInput): Verdict {
  throw new Error('being written')
}
