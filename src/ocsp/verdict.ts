import type { EpochMs } from '../der/time.ts'
import type { ClientName } from './clients.ts'

/** certStatus of a SingleResponse (RFC 6960 §4.2.1). */
export type CertStatus = 'good' | 'revoked' | 'unknown'

/** What a fetcher should do about a finding. */
export type Remedy =
  /** Ask again at once over another connection, address or URL: one backend of several is at fault. */
  | 'other-connection'
  /** Ask again at once with the other HTTP method. */
  | 'other-method'
  /** Ask again later. */
  | 'back-off'
  /** Will not change by asking: tell the operator, still try daily. */
  | 'fatal'
  /** Nothing to do; for the record. */
  | 'diagnose'

/** One thing noticed about a response: data, not text, so that it can be counted, translated and tested. */
export interface Finding {
  /** Stable kebab-case name of the rule. */
  readonly rule: string
  /**
   * `reject`: some required client refuses the response. `repair`: so it would be, or it is larger than need be, but the canonical form
   * mends it. `warn`: accepted, but the CA should be told. `info`: for the record.
   */
  readonly level: 'reject' | 'repair' | 'warn' | 'info'
  readonly saw: string
  readonly required: string
  /** Clients that refuse the bytes as given, whether required by the policy or not. */
  readonly rejectedBy: readonly ClientName[]
  /** The RFC section, or the client, that forces the rule. */
  readonly reference: string
  readonly remedy: Remedy
}

/** A verified response as it goes into a handshake, with the facts read from it. Made by `judge` only. */
export interface Staple {
  /** DER in canonical form: what is stored, served and written. */
  readonly der: Uint8Array
  /** The bytes as the responder sent them, kept for the record. */
  readonly received: Uint8Array
  readonly status: CertStatus
  readonly producedAt: EpochMs
  readonly thisUpdate: EpochMs
  readonly nextUpdate: EpochMs
  /** From this moment on the staple is never served or written: see `usableUntil()`. */
  readonly usableUntil: EpochMs
}

/** What is known of a response that may or may not be a staple. */
export type Verdict =
  | { readonly accepted: true; readonly staple: Staple; readonly findings: readonly Finding[] }
  | { readonly accepted: false; readonly findings: readonly [Finding, ...Finding[]] }
