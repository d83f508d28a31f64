import type { EpochMs } from '../../der/time.ts'
import type { Clock } from '../../time/clock.ts'
import type { Lie } from '../authority.ts'
import type { LabCertificate } from '../ca.ts'

/**
 * How a responder misbehaves: what it sends in the place of its honest answer. Faults keep nothing in mind, so that one can be given to
 * several responders; what they depend on is in the {@link Exchange}.
 */
export type Fault = (exchange: Exchange) => Answer | Promise<Answer>

/** One request to the responder, and the means to answer it. */
export interface Exchange {
  readonly request: ReceivedRequest
  /** The honest answer, or that of a liar. */
  readonly answer: (lie?: Lie) => HttpAnswer
  /** The CA whose certificates are answered for. */
  readonly issuer: LabCertificate
  readonly clock: Clock
  /** When the responder started. */
  readonly startedAt: EpochMs
  /** Aborted when the client hangs up or the responder ends. */
  readonly signal: AbortSignal
}

/** A request as it came. */
export interface ReceivedRequest {
  readonly method: string
  /** Path and query exactly as sent. */
  readonly path: string
  /** `1.1`. */
  readonly httpVersion: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Serial numbers asked for, in hex; empty where the OCSP request could not be read. */
  readonly serialNumbers: readonly string[]
  /** hashAlgorithm of each CertID, OIDs. */
  readonly hashAlgorithms: readonly string[]
  /** The address of the responder that was asked, of those that it listens on. */
  readonly localAddress: string
  /** Port of the client: the same one means the same connection. */
  readonly remotePort: number
  /** Which connection it came over, in the order in which they were opened; counts from 1. */
  readonly connection: number
  /** When it had come, by the responder's clock. */
  readonly at: EpochMs
  /** When the same serial numbers were first asked for. */
  readonly firstAskedAt: EpochMs
  /** Counts from 1. */
  readonly number: number
}

/** `silence`: the connection stays open and nothing comes. `reset`: it is broken off. */
export type Answer = HttpAnswer | 'silence' | 'reset'

export interface HttpAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** The media type of OCSP responses (RFC 6960 appendix C.2). */
export const OCSP_RESPONSE = 'application/ocsp-response'

/** No fault at all: what a combinator falls back to. */
export const honest: Fault = ({ answer }) => answer()
