import { type ClientName, clientNames } from './clients.ts'

/** Whose acceptance a response needs, and what is refused although clients would take it. */
export interface Policy {
  /** Clients that must accept a staple. Default: all that are modelled. */
  readonly clients: readonly ClientName[]
  /** Response signatures with SHA-1 pass every client, but the CA/Browser Forum ended them in 2022 (ballot SC-053). Default: `refuse`. */
  readonly sha1Signatures: 'refuse' | 'accept'
  /**
   * What becomes of a response that says revoked: `staple` hands it out, so that clients learn of the revocation at once; `withdraw` staples
   * nothing. Default: `withdraw`.
   */
  readonly revoked: 'withdraw' | 'staple'
  /**
   * Largest staple in bytes, canonical form, where required clients take more. Default: 12 KiB, so that nginx, HAProxy and wolfSSL take it
   * beside a chain.
   */
  readonly maxSizeBytes: number
}

/** Every client, no SHA-1, 12 KiB. */
export const defaultPolicy: Policy = {
  clients: clientNames,
  sha1Signatures: 'refuse',
  revoked: 'withdraw',
  maxSizeBytes: 12_288,
}
