import { type DurationMs, plus } from '../../der/time.ts'
import { errorResponse, type ResponseKnobs, type SingleResponseKnobs } from '../response-builder.ts'
import { type Exchange, type Fault, OCSP_RESPONSE } from './fault.ts'

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

export const malformedRequest: Fault = ocspError(1)
export const tryLater: Fault = ocspError(3)
export const unauthorized: Fault = ocspError(6)

/** Takes the request and never answers. */
export const silent: Fault = () => 'silence'

/** Takes the request and breaks the connection off. */
export const reset: Fault = () => 'reset'

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
export function lying(lie: (knobs: ResponseKnobs, exchange: Exchange) => ResponseKnobs): Fault {
  return (exchange) => exchange.answer((knobs) => lie(knobs, exchange))
}

/** A lie about what the response says of each certificate asked for. */
export function saying(change: (exchange: Exchange) => Partial<SingleResponseKnobs>): Fault {
  return lying((knobs, exchange) => ({
    ...knobs,
    responses: knobs.responses.map((single) => ({ ...single, ...change(exchange) })),
  }))
}

/** Valid from and to these offsets, in milliseconds, from the moment of the request. */
export function validFor(from: number, to: number): Fault {
  return saying(({ request: { at } }) => ({
    thisUpdate: plus(at, from),
    nextUpdate: plus(at, to),
  }))
}
