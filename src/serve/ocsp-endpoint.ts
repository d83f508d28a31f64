import { createHash } from 'node:crypto'
import type { EpochMs } from '../der/time.ts'
import { certIDKey, parseRequest, SHA1 } from '../ocsp/request.ts'
import type { Staple } from '../ocsp/verdict.ts'

/** Where the endpoint finds staples. It must never give one that is past its usableUntil, and gives the same object for the same staple. */
export interface StapleSource {
  /** The staple for a `certIDKey()`; `undefined` where the certificate is not managed or has none. */
  byCertIDKey(key: string): Promise<Staple | undefined>
}

/** An HTTP answer, ready to be written. */
export interface OcspAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string | number>>
  readonly body: Uint8Array
}

/** What an OCSP request is answered by. */
export interface OcspQuery {
  /** DER as received; `undefined` where a path could not be decoded. */
  readonly request: Uint8Array | undefined
  /** `If-None-Match` as received. */
  readonly ifNoneMatch: string | undefined
  readonly staples: StapleSource
  readonly now: EpochMs
}

/**
 * Answers an OCSP request with the staple of a managed certificate and the header fields of RFC 9919 §7.2, else with
 * `unauthorized` or `malformedRequest`. Never with `tryLater`: Apache staples whatever error it is given. A nonce is ignored, as by
 * every responder that signs ahead of time. Rejects only when `staples` does.
 */
export async function answerOcsp(query: OcspQuery): Promise<OcspAnswer> {
  const key = query.request === undefined ? 'malformed' : requestedKey(query.request)
  if (key === 'malformed') return MALFORMED_REQUEST
  if (key === 'foreign') return UNAUTHORIZED
  const staple = await query.staples.byCertIDKey(key.certIDKey)
  // Looked at again: a cache downstream may keep the answer for as long as the header says.
  if (staple === undefined || staple.usableUntil <= query.now) return UNAUTHORIZED
  return stapleAnswer(staple, query)
}

function requestedKey(bytes: Uint8Array): { certIDKey: string } | 'malformed' | 'foreign' {
  const ids = parseRequest(bytes)
  if ('kind' in ids) return 'malformed'
  // A staple speaks of one certificate; browsers and servers ask for one.
  const [id, ...more] = ids
  if (id === undefined) return 'malformed'
  if (more.length > 0) return 'foreign'
  // CAs are asked with SHA-1, and a response repeats the CertID it was asked with: to a client that asks with SHA-256 it would speak of
  // another certificate.
  return id.hashAlgorithm.oid === SHA1 ? { certIDKey: certIDKey(id) } : 'foreign'
}

function stapleAnswer(staple: Staple, { ifNoneMatch, now }: OcspQuery): OcspAnswer {
  const { etag, lastModified, expires } = validators(staple)
  const maxAge = Math.floor((staple.usableUntil - now) / 1000)
  const headers = {
    'Content-Type': RESPONSE_TYPE,
    'Cache-Control': `max-age=${maxAge}, public, no-transform, must-revalidate`,
    ETag: etag,
    'Last-Modified': lastModified,
    Expires: expires,
    Date: new Date(now).toUTCString(),
  }
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) {
    return { statusCode: 304, headers, body: NOTHING }
  }
  return {
    statusCode: 200,
    headers: { ...headers, 'Content-Length': staple.der.length },
    body: staple.der,
  }
}

interface Validators {
  readonly etag: string
  readonly lastModified: string
  readonly expires: string
}

/** The header fields that stay the same for as long as the staple is served. */
function validators(staple: Staple): Validators {
  const known = validatorsOf.get(staple)
  if (known !== undefined) return known
  const made = {
    etag: `"${createHash('sha256').update(staple.der).digest('hex')}"`,
    lastModified: new Date(staple.thisUpdate).toUTCString(),
    // RFC 9919 has nextUpdate here; a cache must not outlive the moment at which we stop serving, which is never later.
    expires: new Date(Math.min(staple.usableUntil, staple.nextUpdate)).toUTCString(),
  }
  validatorsOf.set(staple, made)
  return made
}

const validatorsOf = new WeakMap<Staple, Validators>()

function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === '*' || tag === etag)
}

// OCSPResponse ::= SEQUENCE { responseStatus OCSPResponseStatus, ... }      RFC 6960 §4.2.1
function errorAnswer(responseStatus: number): OcspAnswer {
  const body = Uint8Array.of(0x30, 0x03, 0x0a, 0x01, responseStatus)
  const headers = {
    'Content-Type': RESPONSE_TYPE,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  }
  return { statusCode: 200, headers, body }
}

const RESPONSE_TYPE = 'application/ocsp-response'
const NOTHING = new Uint8Array(0)
const MALFORMED_REQUEST = errorAnswer(1)
const UNAUTHORIZED = errorAnswer(6)
