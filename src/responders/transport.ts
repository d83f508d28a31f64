import type { DurationMs } from '../der/time.ts'

/** One HTTP exchange with a responder. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  /** `http:` only. Sent exactly as given: nothing is normalised, decoded or encoded. */
  readonly url: string
  /** DER of the OCSP request, for POST. */
  readonly body?: Uint8Array
  /** `kept`: any connection of the pool. `fresh`: a new one, which reaches another backend of a load balancer. */
  readonly connection: 'kept' | 'fresh'
  /** Addresses that a fresh connection goes to only where there is no other. */
  readonly avoid?: readonly string[]
  /** `bypass`: asks caches for the responder's own answer, as RFC 9919 §6.2 allows after an expired one. Default: `use`. */
  readonly caches?: 'use' | 'bypass'
  readonly signal: AbortSignal
}

/** How it went: a value, as every outcome is expected of a CA. */
export type HttpResult =
  | {
      readonly kind: 'response'
      readonly statusCode: number
      readonly body: Uint8Array
      readonly headers: ResponderHeaders
      /** The address that answered. */
      readonly remoteAddress: string
      readonly elapsed: DurationMs
    }
  | {
      readonly kind: 'unreachable'
      /** What happened and what to do, in words: `connect timed out after 4s`, `address 127.0.0.1 is loopback; …`. */
      readonly problem: string
      /** `refused` is our own address screen: asking again does not help. */
      readonly cause:
        | 'refused'
        | 'dns'
        | 'connect'
        | 'timeout'
        | 'too-large'
        | 'redirect'
        | 'protocol'
        | 'aborted'
      /** The address that the last connection went to, where one stood. */
      readonly remoteAddress?: string | undefined
      readonly elapsed: DurationMs
    }

/** Header fields that matter for scheduling and diagnosis, as sent. */
export interface ResponderHeaders {
  readonly contentType: string | undefined
  /** Parsed from seconds or an HTTP date. */
  readonly retryAfter: DurationMs | undefined
  readonly cacheControl: string | undefined
  readonly age: string | undefined
  readonly date: string | undefined
  readonly etag: string | undefined
  readonly server: string | undefined
}

/** Talks HTTP to responders; never rejects. */
export interface Transport extends AsyncDisposable {
  send(request: HttpRequest): Promise<HttpResult>
}
