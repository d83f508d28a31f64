import { type DurationMs, durationMs, type EpochMs, plus, SECOND_MS } from '../../der/time.ts'
import type { HttpResult, ResponderHeaders } from '../../responders/transport.ts'
import type { Random } from '../../time/clock.ts'
import { errorResponse } from '../response-builder.ts'
import { oneOf, whole } from './draw.ts'
import type { FaultKind } from './fault-plan.ts'
import type { Publication, SimulatedCertificate } from './simulated-authority.ts'

/** A responder's answer, or what comes instead of one. */
export type Answer =
  | Response
  | Pick<Extract<HttpResult, { kind: 'unreachable' }>, 'kind' | 'cause' | 'problem'>

type Response = Pick<
  Extract<HttpResult, { kind: 'response' }>,
  'kind' | 'statusCode' | 'body' | 'headers'
>

/** The honest answer: the publication, or that the certificate is not known yet. */
export function honestAnswer(
  certificate: SimulatedCertificate,
  publication: Publication | undefined,
  at: EpochMs,
): Answer {
  const { authority, plan } = certificate
  if (publication === undefined) {
    return plan.before === 'unauthorized'
      ? ok(errorResponse(UNAUTHORIZED))
      : ok(authority.unknown(certificate, at))
  }
  return ok(authority.body(certificate, publication), cacheControl(certificate, publication, at))
}

/** What a responder with a fault that spares nobody answers. */
export function faultyAnswer(
  kind: FaultKind,
  certificate: SimulatedCertificate,
  { at, random }: { readonly at: EpochMs; readonly random: Random },
): Answer {
  const { authority } = certificate
  const publication = authority.publication(certificate, at)
  const honest = () => honestAnswer(certificate, publication, at)
  const retryAfter = () => durationMs((30 + whole(2 * 3_600, random)) * SECOND_MS)
  switch (kind) {
    case 'host-not-found':
      return unreachable('dns', 'the host name could not be resolved')
    case 'connection-refused':
      return unreachable('connect', 'connection refused')
    case 'silence':
      return unreachable('timeout', 'no answer within 10s')
    case 'try-later':
      return ok(errorResponse(oneOf([TRY_LATER, TRY_LATER, INTERNAL_ERROR], random)))
    case 'http-500':
      return { ...ok(NOTHING), statusCode: oneOf([500, 502, 503, 504], random) }
    case 'http-503-retry-after':
      return { ...ok(NOTHING, { retryAfter: retryAfter() }), statusCode: 503 }
    case 'http-429-retry-after':
      return { ...ok(NOTHING, { retryAfter: retryAfter() }), statusCode: 429 }
    case 'html-page':
      return ok(Buffer.from('<!DOCTYPE html>\n<title>Maintenance</title>\n'))
    case 'expired-response':
      return publication === undefined
        ? honest()
        : ok(authority.body(certificate, expired(publication, authority.plan.validity)))
    case 'unauthorized':
      return ok(errorResponse(UNAUTHORIZED))
    case 'truncated': {
      const answer = honest()
      const half = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1)
      return answer.kind === 'response' ? { ...answer, body: half(answer.body) } : answer
    }
    case 'wrong-algorithm':
      return publication === undefined
        ? honest()
        : ok(authority.body(certificate, publication, 'wrong-algorithm'))
    case 'one-backend-404':
    case 'stale-edge':
      return honest()
  }
}

/** Status 404 without anything. */
export function notFound(): Answer {
  return { ...ok(NOTHING), statusCode: 404 }
}

function ok(body: Uint8Array, headers: Partial<ResponderHeaders> = {}): Response {
  return { kind: 'response', statusCode: 200, body, headers: { ...NO_HEADERS, ...headers } }
}

function unreachable(
  cause: Extract<HttpResult, { kind: 'unreachable' }>['cause'],
  problem: string,
): Answer {
  return { kind: 'unreachable', cause, problem }
}

function cacheControl(
  { authority: { plan } }: SimulatedCertificate,
  { availableAt }: Publication,
  at: EpochMs,
): Partial<ResponderHeaders> {
  if (plan.caching === 'untold') return {}
  const left = Math.floor(Math.max(0, availableAt + plan.renewal - at) / SECOND_MS)
  return { cacheControl: `max-age=${left}, public, no-transform, must-revalidate` }
}

/** One that ended a period ago. */
function expired(publication: Publication, validity: DurationMs): Publication {
  const { thisUpdate, nextUpdate } = publication
  const [from, to] = [plus(thisUpdate, -2 * validity), plus(nextUpdate, -2 * validity)]
  return { ...publication, thisUpdate: from, nextUpdate: to }
}

const NO_HEADERS: ResponderHeaders = {
  contentType: 'application/ocsp-response',
  retryAfter: undefined,
  cacheControl: undefined,
  age: undefined,
  date: undefined,
  etag: undefined,
  server: undefined,
}
const INTERNAL_ERROR = 2
const TRY_LATER = 3
const UNAUTHORIZED = 6
const NOTHING = new Uint8Array()
