import type { TimeFault } from './time-text.ts'

/** An encoding that can be read but is not DER, noted instead of thrown: judging it is a rule's job. */
export interface Sloppiness {
  readonly kind:
    | 'non-minimal-length'
    | 'indefinite-length'
    | 'non-minimal-integer'
    | 'non-minimal-oid'
    | 'boolean-not-ff'
    | 'unused-bits'
    | TimeFault
    | 'trailing-bytes'
    | 'default-encoded'
    | 'empty-sequence'
  /** Offset of the first octet concerned. */
  readonly offset: number
  /** The ASN.1 field, as its specification names it: `SingleResponse.thisUpdate`. */
  readonly field: string
  readonly saw: string
}
