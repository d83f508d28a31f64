import { DAY_MS, type EpochMs, HOUR_MS, plus } from '../../der/time.ts'
import type { LabCertificate } from '../ca.ts'
import type { Hierarchy } from '../hierarchy.ts'
import type { VectorName } from '../matrix.ts'
import { buildResponse, type ResponseKnobs, type SingleResponseKnobs } from '../response-builder.ts'

/** Responses by the name of their kind. */
export type Family = { readonly [name in VectorName]?: Uint8Array }

/** What every family of vectors starts from: two responses without fault, one signed by the issuer, one delegated. */
export interface Setting {
  readonly hierarchy: Hierarchy
  readonly now: EpochMs
  /** Now moved by so many milliseconds. */
  readonly at: (offsetMs: number) => EpochMs
  /** The leaf: good, since an hour ago, for four days. */
  readonly single: (knobs?: Partial<SingleResponseKnobs>) => SingleResponseKnobs
  /** Signed by the issuer, byKey, no certificate inside. */
  readonly direct: (knobs?: Partial<ResponseKnobs>) => Uint8Array
  /** As {@link Setting.direct}, with one SingleResponse that has these knobs. */
  readonly saying: (knobs: Partial<SingleResponseKnobs>) => Uint8Array
  /** Signed by a delegated signer, byKey, its certificate inside. */
  readonly delegated: (signer?: LabCertificate, knobs?: Partial<ResponseKnobs>) => Uint8Array
}

export function setting(hierarchy: Hierarchy, now: EpochMs): Setting {
  const { leaf, issuer } = hierarchy
  const at = (offsetMs: number) => plus(now, offsetMs)
  const single = (knobs: Partial<SingleResponseKnobs> = {}): SingleResponseKnobs => ({
    certID: { certificate: leaf.certificate, issuer: issuer.certificate },
    thisUpdate: at(-HOUR_MS),
    nextUpdate: at(4 * DAY_MS),
    ...knobs,
  })
  const direct = (knobs: Partial<ResponseKnobs> = {}): Uint8Array =>
    buildResponse({ signer: issuer, responses: [single()], ...knobs })
  return {
    hierarchy,
    now,
    at,
    single,
    direct,
    saying: (knobs) => direct({ responses: [single(knobs)] }),
    delegated: (signer = hierarchy.signer, knobs = {}) =>
      buildResponse({ signer, responses: [single()], certs: [signer.der], ...knobs }),
  }
}
