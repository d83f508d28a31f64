import type { DurationMs, EpochMs } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import { certID, encodeRequest } from '../ocsp/request.ts'
import { parseResponse, responseStatusName } from '../ocsp/response.ts'
import type { Finding, Remedy, Staple } from '../ocsp/verdict.ts'
import type { Clock } from '../time/clock.ts'
import type { Certificate } from '../x509/certificate.ts'
import { freshUntilOf } from './cache-freshness.ts'
import {
  describeFailure,
  type FetchFailure,
  failureName,
  isAskedToWait,
  moreTelling,
  remedyOf,
} from './fetch-failure.ts'
import { getUrl, MAX_GET_URL } from './request-url.ts'
import type { HttpRequest, HttpResult, ResponderHeaders, Transport } from './transport.ts'

export interface FetchOptions {
  readonly certificate: Certificate
  readonly issuer: Certificate
  /** OCSP URLs in the order in which they are tried. */
  readonly urls: readonly string[]
  /** By which method each is asked first, where both can be used. Default: `GET`, which caches can answer. */
  readonly first?: 'GET' | 'POST' | undefined
  /** When the staple in hand was made and whether that is all right; `undefined` where there is none. */
  readonly held?: Held | undefined
  readonly transport: Transport
  readonly clock: Clock
  readonly policy: Policy
  readonly signal: AbortSignal
}

/** The staple in hand, as far as fetching goes. */
export interface Held {
  readonly thisUpdate: EpochMs
  /** `ending`: it is worth asking every URL, method and address for a newer one. */
  readonly state: 'lasting' | 'ending'
}

/** A staple, or the failure that tells most; either way every attempt that was made, in order. */
export type FetchOutcome =
  | {
      readonly kind: 'staple'
      readonly staple: Staple
      readonly findings: readonly Finding[]
      /** The OCSP URL that it came from. */
      readonly url: string
      /** Until when caches give the same, by the header fields that came with it; `undefined` where they do not say. */
      readonly freshUntil: EpochMs | undefined
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
  /** The address that was asked; `undefined` where no connection stood. The next two are where none answered. */
  readonly remoteAddress: string | undefined
  readonly statusCode: number | undefined
  readonly headers: ResponderHeaders | undefined
  /** What came of it in one word, as {@link failureName} says it; `staple` for one that is good. */
  readonly outcome: string
  /** What went wrong, in words; `undefined` for the attempt that gave the staple. */
  readonly problem: string | undefined
  /** Of a good staple. */
  readonly thisUpdate: EpochMs | undefined
  readonly nextUpdate: EpochMs | undefined
}

/**
 * Asks the responders of a certificate until one gives a response that passes `judge`. Each URL is asked by GET, or what is given as `first`, over a kept
 * connection first; what another method, connection or address may cure is tried at once. Where the staple in hand is ending, one that is
 * not newer does not end the search. Never rejects.
 */
export async function fetchStaple(options: FetchOptions): Promise<FetchOutcome> {
  const search = new Search(options)
  for (const url of options.urls) {
    if (await search.ask(url)) break
  }
  return search.outcome()
}

class Search {
  readonly #options: FetchOptions
  readonly #request: Uint8Array
  readonly #attempts: Attempt[] = []
  #best: Extract<Judged, { kind: 'staple' }> | undefined
  #bestFrom: { readonly url: string; readonly freshUntil: EpochMs | undefined } | undefined
  /** How many said revoked, where the policy staples that: one of them may be mistaken. */
  #revocations = 0
  #failure: FetchFailure | undefined

  constructor(options: FetchOptions) {
    this.#options = options
    this.#request = encodeRequest(certID(options.certificate, options.issuer))
  }

  /** Asks one URL as often as it is worth; whether the search is over. */
  async ask(url: string): Promise<boolean> {
    const { signal, transport, clock, first = 'GET' } = this.#options
    const methods = methodsFor(url, this.#request, first)
    const tried: Step[] = []
    let step: Step | undefined = { method: methods[0], connection: 'kept', caches: 'use' }
    while (step !== undefined && this.#attempts.length < MAX_ATTEMPTS && !signal.aborted) {
      const at = clock.now()
      const avoid = this.#attempts.flatMap(({ remoteAddress }) => remoteAddress ?? [])
      const request = httpRequest(url, this.#request, step, signal)
      const result = await transport.send({ ...request, avoid })
      const judged = judgeResult(result, this.#options)
      this.#attempts.push({ url, ...step, at, ...factsOf(result), ...factsOfJudged(judged) })
      tried.push(step)
      if (this.#take(judged, result, url)) return true
      const remedy = this.#remedyOf(judged)
      step =
        nextStep(step, remedy, { tried, methods, age: ageOf(judged) }) ??
        this.#anotherAddress(remedy, methods[0])
    }
    return signal.aborted
  }

  /** Where the staple in hand is ending, all addresses of the name are asked: until one is met again. */
  #anotherAddress(remedy: Remedy, method: HttpRequest['method']): Step | undefined {
    if (this.#options.held?.state !== 'ending' || !isTriedAtOnce(remedy)) return undefined
    const addresses = this.#attempts.map(({ remoteAddress }) => remoteAddress)
    const last = addresses.pop()
    if (last === undefined || addresses.includes(last)) return undefined
    return { method, connection: 'fresh', caches: 'use' }
  }

  outcome(): FetchOutcome {
    const attempts = this.#attempts
    if (this.#best !== undefined && this.#bestFrom !== undefined) {
      return { ...this.#best, ...this.#bestFrom, attempts }
    }
    return { kind: 'failed', failure: this.#failure ?? notAsked(this.#options.signal), attempts }
  }

  /** Keeps the newest staple, or else the failure that tells most; whether it is as good as can be wished for. */
  #take(judged: Judged, result: HttpResult, url: string): boolean {
    if (judged.kind !== 'staple') {
      this.#failure = moreTelling(this.#failure, judged)
      return false
    }
    if (judged.staple.status === 'revoked') this.#revocations++
    if (this.#isBetter(judged.staple)) {
      this.#best = judged
      this.#bestFrom = { url, freshUntil: freshUntilOf(result, this.#options.clock.now()) }
    }
    return this.#isWished(judged.staple)
  }

  #isBetter({ status, thisUpdate }: Staple): boolean {
    if (this.#best === undefined) return true
    const { staple } = this.#best
    // Against a good one, a single answer that says revoked is not believed.
    if (staple.status !== status) return status === 'good' || this.#revocations > 1
    return thisUpdate > staple.thisUpdate
  }

  #isWished({ status, thisUpdate, usableUntil }: Staple): boolean {
    const { held, clock } = this.#options
    if (usableUntil <= clock.now()) return false
    if (status === 'revoked') return this.#revocations > 1
    return held === undefined || held.state === 'lasting' || thisUpdate > held.thisUpdate
  }

  #remedyOf(judged: Judged): Remedy {
    const { held } = this.#options
    // A staple that was not wished for may be an old one from one cache of several.
    if (judged.kind === 'staple') return 'other-connection'
    const remedy = remedyOf(judged)
    const isHurried = held?.state === 'ending' && remedy !== 'fatal' && !isAskedToWait(judged)
    return isHurried && judged.kind !== 'unreachable' ? 'other-connection' : remedy
  }
}

interface Step {
  readonly method: HttpRequest['method']
  readonly connection: HttpRequest['connection']
  readonly caches: 'use' | 'bypass'
}

type Methods = readonly [HttpRequest['method'], ...HttpRequest['method'][]]

/** GET where the whole URL has at most 255 bytes (RFC 9919 §6), which caches can answer; POST always. */
function methodsFor(url: string, request: Uint8Array, first: 'GET' | 'POST'): Methods {
  if (getUrl(url, request).length > MAX_GET_URL) return ['POST']
  return first === 'GET' ? ['GET', 'POST'] : ['POST', 'GET']
}

/**
 * What to try at once after a failure. Always over a fresh connection: behind a load balancer it reaches another backend (of CA #4, one
 * in six), so that a change of method cures that as well. Ends by itself, as no step is taken twice.
 */
function nextStep(
  last: Step,
  remedy: Remedy,
  so: {
    readonly tried: readonly Step[]
    readonly methods: Methods
    readonly age: 'outdated' | 'unknown'
  },
): Step | undefined {
  const { tried, methods, age } = so
  if (!isTriedAtOnce(remedy)) return undefined
  const others = methods.filter((method) => method !== last.method)
  const order = remedy === 'other-method' ? [...others, last.method] : [last.method, ...others]
  const method = order.find(
    (method) => !tried.some((step) => step.method === method && step.connection === 'fresh'),
  )
  if (method === undefined) return undefined
  // Once only (RFC 9919 §6.2): caches are there to spare the responder.
  const isBypass = age === 'outdated' && tried.every(({ caches }) => caches === 'use')
  return { method, connection: 'fresh', caches: isBypass ? 'bypass' : 'use' }
}

function isTriedAtOnce(remedy: Remedy): boolean {
  return remedy === 'other-method' || remedy === 'other-connection'
}

/** Whether a cache may have given what the responder has something newer than. */
function ageOf(judged: Judged): 'outdated' | 'unknown' {
  const isOld = judged.kind === 'staple' || failureName(judged) === 'next-update-passed'
  return isOld ? 'outdated' : 'unknown'
}

function httpRequest(
  url: string,
  request: Uint8Array,
  step: Step,
  signal: AbortSignal,
): HttpRequest {
  return step.method === 'GET'
    ? { ...step, signal, url: getUrl(url, request) }
    : { ...step, signal, url, body: request }
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
  const { elapsed, remoteAddress } = result
  if (result.kind === 'unreachable') {
    return { elapsed, remoteAddress, statusCode: undefined, headers: undefined }
  }
  const { statusCode, headers } = result
  return { elapsed, remoteAddress, statusCode, headers }
}

function factsOfJudged(
  judged: Judged,
): Pick<Attempt, 'outcome' | 'problem' | 'thisUpdate' | 'nextUpdate'> {
  if (judged.kind === 'staple') {
    const { thisUpdate, nextUpdate } = judged.staple
    return { outcome: 'staple', problem: undefined, thisUpdate, nextUpdate }
  }
  const [outcome, problem] = [failureName(judged), describeFailure(judged)]
  return { outcome, problem, thisUpdate: undefined, nextUpdate: undefined }
}

function notAsked(signal: AbortSignal): FetchFailure {
  return signal.aborted
    ? { kind: 'unreachable', cause: 'aborted', problem: 'aborted' }
    : { kind: 'unreachable', cause: 'refused', problem: 'the certificate names no OCSP URL to ask' }
}

/** One URL takes three at most, and one for each further address where the staple in hand is ending; certificates name one URL, seldom two, but could name thousands. */
const MAX_ATTEMPTS = 8
