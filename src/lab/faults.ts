import type { DurationMs, EpochMs } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'
import type { Lie } from './authority.ts'
import { errorResponse } from './response-builder.ts'

/** How a responder misbehaves: what it sends in the place of its honest answer. */
export type Fault = (exchange: Exchange) => Answer | Promise<Answer>

/** One request to the responder, and the means to answer it. */
export interface Exchange {
  readonly request: ReceivedRequest
  /** The honest answer, or that of a liar. */
  readonly answer: (lie?: Lie) => HttpAnswer
  readonly clock: Clock
  /** Aborted when the client hangs up or the responder ends. */
  readonly signal: AbortSignal
}

/** A request as it came. */
export interface ReceivedRequest {
  readonly method: string
  /** Path and query exactly as sent. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Serial numbers asked for, in hex; empty where the OCSP request could not be read. */
  readonly serialNumbers: readonly string[]
  /** Port of the client: the same one means the same connection. */
  readonly remotePort: number
  /** When it had come, by the responder's clock. */
  readonly at: EpochMs
  /** Counts from 1. */
  readonly number: number
}

/** `silence`: the connection stays open and nothing comes. */
export type Answer = HttpAnswer | 'silence'

export interface HttpAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** The media type of OCSP responses (RFC 6960 appendix C.2). */
export const OCSP_RESPONSE = 'application/ocsp-response'

/** An HTTP error without an OCSP response. */
export function httpError(statusCode: number, headers: Record<string, string> = {}): Fault {
  return () => ({ statusCode, headers, body: Uint8Array.of() })
}

/** Status 200 and this body in the place of a response. */
export function body(bytes: Uint8Array, contentType: string = OCSP_RESPONSE): Fault {
  return () => ({ statusCode: 200, headers: { 'content-type': contentType }, body: bytes })
}

/** An unsigned OCSP error response: 1 malformedRequest, 2 internalError, 3 tryLater, 5 sigRequired, 6 unauthorized. */
export function ocspError(responseStatus: 1 | 2 | 3 | 5 | 6): Fault {
  return body(errorResponse(responseStatus))
}

/** Answers tryLater. */
export const tryLater: Fault = ocspError(3)

/** Takes the request and never answers. */
export const silent: Fault = () => 'silence'

/** An error page with status 200, as load balancers and captive portals send. */
export const html: Fault = body(
  Buffer.from('<!DOCTYPE html>\n<html><body><h1>Service unavailable</h1></body></html>\n'),
  'text/html; charset=utf-8',
)

/** The honest answer, late. */
export function slow(delay: DurationMs): Fault {
  return async ({ answer, clock, signal }) => {
    await clock.sleep(delay, signal)
    return answer()
  }
}

/** A signed response with other content: expired, for another certificate, badly signed, … */
export function lying(lie: Lie): Fault {
  return ({ answer }) => answer(lie)
}

/** The fault in every n-th request, as behind a load balancer with one bad backend of n; honest else. */
export function everyNth(n: number, fault: Fault): Fault {
  return (exchange) => (exchange.request.number % n === 0 ? fault(exchange) : exchange.answer())
}

/** The fault for one method only, as responders that refuse GET. */
export function onMethod(method: 'GET' | 'POST', fault: Fault): Fault {
  return (exchange) => (exchange.request.method === method ? fault(exchange) : exchange.answer())
}
