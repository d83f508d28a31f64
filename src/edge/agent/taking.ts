import { type EpochMs, iso } from '../../der/time.ts'
import type { Policy } from '../../ocsp/policy.ts'
import type { Finding } from '../../ocsp/verdict.ts'
import type { Schedule, StapleRecord } from '../../store/store.ts'

/** What comes of a response that a centre sends. */
export type Taking =
  | { readonly kind: 'take'; readonly staple: StapleRecord; readonly next: Schedule }
  /** It is a response by which the CA revokes the certificate: no older staple is to be handed out. */
  | { readonly kind: 'withdraw'; readonly next: Schedule }
  /** It is what is known already. */
  | { readonly kind: 'keep' }
  /** It is right, but older than the one in hand, which a centre that was restored from a backup may send. */
  | { readonly kind: 'older'; readonly problem: string }
  /** It does not prove what the centre says of this certificate: the centre is mistaken, or lies. */
  | { readonly kind: 'refuse'; readonly problem: string }

/** What a response is judged by, beside the certificate. */
export interface JudgedBy {
  readonly policy: Policy
  readonly now: EpochMs
}

/** Refuses a response; `problem` in words for people. */
export function refuse(problem: string): Taking {
  return { kind: 'refuse', problem }
}

/** Refuses a response for the worst that was found. */
export function refuseFor(findings: readonly Finding[]): Taking {
  const [worst] = findings.filter(({ level }) => level === 'reject')
  return refuse(worst === undefined ? 'refused' : `${worst.rule}: saw ${worst.saw}`)
}

/** Refuses a response about a certificate without its issuer. */
export function refuseUnjudged(): Taking {
  return refuse('the issuer of the certificate is not known here, so that nothing can be judged')
}

/** Leaves a response that is older than the staple in hand. */
export function olderThan(held: Dated, { thisUpdate }: Dated): Taking {
  const problem = `it is of ${iso(thisUpdate)}, and the one in hand of ${iso(held.thisUpdate)}`
  return { kind: 'older', problem }
}

interface Dated {
  readonly thisUpdate: EpochMs
}
