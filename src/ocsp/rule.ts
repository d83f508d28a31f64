import type { ClientName } from './clients.ts'
import type { Facts } from './facts.ts'
import type { Policy } from './policy.ts'
import type { BasicOcspResponse, OcspResponse, SingleResponse } from './response.ts'
import type { Delegate, Signing } from './signer.ts'
import type { Remedy } from './verdict.ts'

/** One thing that can be said of a response: data, and one pure check. */
export interface Rule {
  /** Kebab-case, states the fault; is API and never renamed. */
  readonly name: string
  /** What it means and why it matters, in a sentence for an operator. */
  readonly meaning: string
  /** The RFC section, or the client, that forces it. */
  readonly reference: string
  /** Clients that refuse the response; an occurrence may name fewer. Empty: no client minds. */
  readonly rejectedBy: readonly ClientName[]
  /** How it is reported where no required client refuses. Default: `warn`. */
  readonly otherwise?: 'warn' | 'info'
  /** Whether it is refused whoever the required clients are: what no proof may lack, and what the policy adds. */
  readonly refusedBy?: (policy: Policy) => boolean
  /** Whether the policy takes it although clients refuse it. */
  readonly toleratedBy?: (policy: Policy) => boolean
  readonly remedy: Remedy
  /** What was seen, or `undefined` where the rule has nothing to say. */
  readonly check: (facts: Facts) => Occurrence | undefined
}

/** For `refusedBy`: without this a response proves nothing, even to clients that do not look. */
export function always(): boolean {
  return true
}

/** A rule met. */
export interface Occurrence {
  readonly saw: string
  readonly required: string
  /** Where not all of the rule's `rejectedBy` refuse this one. */
  readonly rejectedBy?: readonly ClientName[]
  /** Where another remedy than the rule's is right for this one. */
  readonly remedy?: Remedy
}

/** A check of a response whose body could be read. */
export function onResponse(
  check: (response: OcspResponse, facts: Facts) => Occurrence | undefined,
): Rule['check'] {
  return (facts) => (facts.response === undefined ? undefined : check(facts.response, facts))
}

/** A check of a response with a signed body. */
export function onBasic(
  check: (
    basic: BasicOcspResponse,
    facts: Facts & { response: OcspResponse },
  ) => Occurrence | undefined,
): Rule['check'] {
  return (facts) =>
    facts.basic === undefined || facts.response === undefined
      ? undefined
      : check(facts.basic, facts as Facts & { response: OcspResponse })
}

/** A check of the SingleResponse about the certificate. */
export function onSingle(
  check: (single: SingleResponse, facts: Facts) => Occurrence | undefined,
): Rule['check'] {
  return (facts) => (facts.single === undefined ? undefined : check(facts.single, facts))
}

/** A check of who signed. */
export function onSigning(
  check: (
    signing: Signing,
    facts: Facts & { response: OcspResponse; basic: BasicOcspResponse },
  ) => Occurrence | undefined,
): Rule['check'] {
  return (facts) =>
    facts.signing === undefined
      ? undefined
      : check(facts.signing, facts as Facts & { response: OcspResponse; basic: BasicOcspResponse })
}

/** A check of the delegated signer, where one signed. */
export function onDelegate(
  check: (delegate: Delegate, facts: Facts, signing: Signing) => Occurrence | undefined,
): Rule['check'] {
  return (facts) => {
    const signer = facts.signing?.signer
    if (facts.signing === undefined || signer?.kind !== 'delegate') return undefined
    return check(signer, facts, facts.signing)
  }
}
