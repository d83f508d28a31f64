import type { DurationMs, EpochMs } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import { certID, encodeRequest } from '../ocsp/request.ts'
import { parseResponse, responseStatusName } from '../ocsp/response.ts'
import type { Finding, Remedy, Staple } from '../ocsp/verdict.ts'
import type { Clock } from '../time/clock.ts'
import type { Certificate } from '../x509/certificate.ts'
import { describeFailure, type FetchFailure, moreTelling, remedyOf } from './fetch-failure.ts'
import { getUrl, MAX_GET_URL } from './request-url.ts'
import type { HttpRequest, HttpResult, ResponderHeaders, Transport } from './transport.ts'

export interface FetchOptions {
  readonly certificate: Certificate
  readonly issuer: Certificate
  /** OCSP URLs in the order in which they are tried. */
  readonly urls: readonly string[]
  readonly transport: Transport
  readonly clock: Clock
  readonly policy: Policy
  readonly signal: AbortSignal
}

/** A staple, or the failure that tells most; either way every attempt that was made, in order. */
export type FetchOutcome =
  | {
      readonly kind: 'staple'
      readonly staple: Staple
      readonly findings: readonly Finding[]
      /** The OCSP URL that it came from. */
      readonly url: string
      readonly attempts: readonly Attempt[]
    }
  | {
      readonly kind: 'failed'
      readonly failure: FetchFailure
      readonly attempts: readonly Attempt[]
    }

/** One exchange with a responder, for the record. */
export interface Attempt {
  /** The OCSP URL, without the request. */
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly connection: 'kept' | 'fresh'
  readonly at: EpochMs
  readonly elapsed: DurationMs
  /** The address that answered; this and the next two are `undefined` where none did. */
  readonly remoteAddress: string | undefined
  readonly statusCode: number | undefined
  readonly headers: ResponderHeaders | undefined
  /** What went wrong, in words; `undefined` for the attempt that gave the staple. */
  readonly problem: string | undefined
}

/**
 * Asks the responders of a certificate until one gives a response that passes `judge`. Each URL is asked by GET over a kept
 * connection first; what another method or another connection may cure is tried at once, over a fresh one. Never rejects.
 */
export async function fetchStaple(options: FetchOptions): Promise<FetchOutcome> {
  const { certificate, issuer, urls, signal } = options
  const request = encodeRequest(certID(certificate, issuer))
  const attempts: Attempt[] = []
  let failure: FetchFailure | undefined
  for (const url of urls) {
    const methods = methodsFor(url, request)
    const tried: Step[] = []
    let step: Step | undefined = { method: methods[0], connection: 'kept' }
    while (step !== undefined && attempts.length < MAX_ATTEMPTS && !signal.aborted) {
      const { method, connection } = step
      const at = options.clock.now()
      const result = await options.transport.send(httpRequest(url, request, step, signal))
      const judged = judgeResult(result, options)
      const problem = judged.kind === 'staple' ? undefined : describeFailure(judged)
      attempts.push({ url, method, connection, at, problem, ...factsOf(result) })
      if (judged.kind === 'staple') return { ...judged, url, attempts }
      failure = moreTelling(failure, judged)
      tried.push(step)
      step = nextStep(step, remedyOf(judged), { tried, methods })
    }
  }
  return { kind: 'failed', failure: failure ?? notAsked(signal), attempts }
}

interface Step {
  readonly method: HttpRequest['method']
  readonly connection: HttpRequest['connection']
}

type Methods = readonly [HttpRequest['method'], ...HttpRequest['method'][]]

/** GET where the whole URL has at most 255 bytes (RFC 9919 §6), which caches can answer; POST always. */
function methodsFor(url: string, request: Uint8Array): Methods {
  return getUrl(url, request).length <= MAX_GET_URL ? ['GET', 'POST'] : ['POST']
}

/**
 * What to try at once after a failure. Always over a fresh connection: behind a load balancer it reaches another backend (of CA #4, one
 * in six), so that a change of method cures that as well. Ends by itself, as no step is taken twice.
 */
function nextStep(
  last: Step,
  remedy: Remedy,
  { tried, methods }: { readonly tried: readonly Step[]; readonly methods: Methods },
): Step | undefined {
  if (remedy !== 'other-method' && remedy !== 'other-connection') return undefined
  const others = methods.filter((method) => method !== last.method)
  const order = remedy === 'other-method' ? [...others, last.method] : [last.method, ...others]
  const method = order.find(
    (method) => !tried.some((step) => step.method === method && step.connection === 'fresh'),
  )
  return method === undefined ? undefined : { method, connection: 'fresh' }
}

function httpRequest(
  url: string,
  request: Uint8Array,
  { method, connection }: Step,
  signal: AbortSignal,
): HttpRequest {
  return method === 'GET'
    ? { method, connection, signal, url: getUrl(url, request) }
    : { method, connection, signal, url, body: request }
}

type Judged =
  | { readonly kind: 'staple'; readonly staple: Staple; readonly findings: readonly Finding[] }
  | FetchFailure

function judgeResult(result: HttpResult, options: FetchOptions): Judged {
  if (result.kind === 'unreachable') {
    return { kind: 'unreachable', cause: result.cause, problem: result.problem }
  }
  const { statusCode, body } = result
  const { retryAfter } = result.headers
  const response = parseResponse(body)
  const isOcsp = !('kind' in response)
  const isError = isOcsp && response.responseStatus !== 0
  // Firefox, nginx and HAProxy take nothing but 200; an OCSP error under another status still says more than that status.
  if (statusCode !== 200 && !isError) return { kind: 'http', statusCode, retryAfter }
  const { certificate, issuer, policy, clock } = options
  const verdict = judge({ response: body, certificate, issuer, policy, now: clock.now() })
  if (verdict.accepted) {
    return { kind: 'staple', staple: verdict.staple, findings: verdict.findings }
  }
  const { findings } = verdict
  if (isError) {
    const status = responseStatusName(response.responseStatus)
    const remedy = findings.find(({ level }) => level === 'reject')?.remedy ?? 'back-off'
    return { kind: 'responder', status, remedy, retryAfter }
  }
  return { kind: 'rejected', findings, received: body, body: isOcsp ? 'ocsp' : 'unreadable' }
}

function factsOf(
  result: HttpResult,
): Pick<Attempt, 'elapsed' | 'remoteAddress' | 'statusCode' | 'headers'> {
  const { elapsed } = result
  if (result.kind === 'unreachable') {
    return { elapsed, remoteAddress: undefined, statusCode: undefined, headers: undefined }
  }
  const { remoteAddress, statusCode, headers } = result
  return { elapsed, remoteAddress, statusCode, headers }
}

function notAsked(signal: AbortSignal): FetchFailure {
  return signal.aborted
    ? { kind: 'unreachable', cause: 'aborted', problem: 'aborted' }
    : { kind: 'unreachable', cause: 'refused', problem: 'the certificate names no OCSP URL to ask' }
}

/** One URL takes three at most; certificates name one URL, seldom two, but could name thousands. */
const MAX_ATTEMPTS = 8
