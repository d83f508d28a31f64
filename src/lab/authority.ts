import { createHash } from 'node:crypto'
import { type DurationMs, durationMs, type EpochMs, epochMs, HOUR_MS, plus } from '../der/time.ts'
import { integer, octetString, sequence } from '../der/writer.ts'
import { parseRequest, type ReceivedCertID } from '../ocsp/request.ts'
import { algorithmDer } from '../x509/algorithm.ts'
import type { Certificate } from '../x509/certificate.ts'
import { digestOids } from '../x509/signature.ts'
import type { LabCertificate } from './ca.ts'
import {
  buildResponse,
  type CertStatusKnob,
  errorResponse,
  type ResponseKnobs,
  type SingleResponseKnobs,
} from './response-builder.ts'

export interface AuthorityOptions {
  /** The CA whose certificates are answered for. */
  readonly issuer: LabCertificate
  /** Signs in the place of the issuer; its certificate is embedded. */
  readonly signer?: LabCertificate | undefined
  /** From thisUpdate to nextUpdate. Default: one hour. */
  readonly validity?: DurationMs
  /**
   * A new answer comes every so often, at multiples of it since 1970, and stays the same in between, as CAs produce them beforehand.
   * Default: a quarter of the validity.
   */
  readonly renewEvery?: DurationMs
  /** The answer for serial numbers without a status of their own. Default: `good`. */
  readonly others?: AuthorityStatus
}

/** What is said about a certificate; `unauthorized` is the unsigned error of that name (RFC 6960 §2.3). */
export type AuthorityStatus = CertStatusKnob | 'unauthorized'

/** The OCSP service of a CA without a network: it answers requests, honestly or as it is told to lie. */
export interface Authority {
  /** From now on this is the status of the certificate. */
  readonly setStatus: (certificate: Certificate, status: AuthorityStatus) => void
  readonly answer: (request: Uint8Array, now: EpochMs, lie?: Lie) => AuthorityAnswer
}

/** Turns what an honest response would say into what is said. Errors are unsigned, so there it makes no difference. */
export type Lie = (honest: ResponseKnobs) => ResponseKnobs

export interface AuthorityAnswer {
  /** The OCSPResponse. */
  readonly body: Uint8Array
  /** How long it may be cached; `undefined` for an error, which must not be (RFC 9919 §6.2). */
  readonly freshness: Freshness | undefined
}

export interface Freshness {
  readonly thisUpdate: EpochMs
  readonly nextUpdate: EpochMs
  /** Until then the answer stays the same. */
  readonly renewal: EpochMs
}

/** An authority that answers for all certificates of one issuer. */
export function makeAuthority(options: AuthorityOptions): Authority {
  const { issuer, signer, validity = durationMs(HOUR_MS), others = 'good' } = options
  const renewEvery = options.renewEvery ?? validity / 4
  const statuses = new Map<string, AuthorityStatus>()
  const produced = new Map<string, Uint8Array>()

  const produce = (knobs: ResponseKnobs): Uint8Array => {
    const key = JSON.stringify(knobs.responses, hexOfBytes)
    // An ECDSA signature made again would differ, and with it the ETag.
    const known = produced.get(key) ?? buildResponse(knobs)
    if (produced.size === MAX_PRODUCED) produced.clear()
    produced.set(key, known)
    return known
  }
  return {
    setStatus: ({ serialNumber }, status) => void statuses.set(hex(serialNumber), status),
    answer: (request, now, lie) => {
      const ids = parseRequest(request)
      if ('kind' in ids || ids.length === 0) return errorAnswer(MALFORMED_REQUEST)
      const thisUpdate = epochMs(Math.floor(now / renewEvery) * renewEvery)
      const nextUpdate = plus(thisUpdate, validity)
      const responses: SingleResponseKnobs[] = []
      for (const id of ids) {
        const status = isOf(issuer, id) ? statuses.get(hex(id.serialNumber)) : 'unauthorized'
        const certStatus = status ?? others
        if (certStatus === 'unauthorized') return errorAnswer(UNAUTHORIZED)
        responses.push({ certID: certID(id), certStatus, thisUpdate, nextUpdate })
      }
      const certs = signer && { certs: [signer.der] }
      const honest = { signer: signer ?? issuer, responses, ...certs }
      const body = lie === undefined ? produce(honest) : buildResponse(lie(honest))
      const renewal = epochMs(Math.min(plus(thisUpdate, renewEvery), nextUpdate))
      return { body, freshness: { thisUpdate, nextUpdate, renewal } }
    },
  }
}

function errorAnswer(responseStatus: number): AuthorityAnswer {
  return { body: errorResponse(responseStatus), freshness: undefined }
}

/** The CertID of the request, to be sent back. */
function certID(id: ReceivedCertID): Uint8Array {
  return sequence(
    algorithmDer(id.hashAlgorithm),
    octetString(id.issuerNameHash),
    octetString(id.issuerKeyHash),
    integer(id.serialNumber),
  )
}

function isOf({ certificate }: LabCertificate, id: ReceivedCertID): boolean {
  const digest = digestOids.get(id.hashAlgorithm.oid)
  if (digest === undefined) return false
  const matches = (hash: Uint8Array, of: Uint8Array) =>
    createHash(digest).update(of).digest().equals(hash)
  return (
    matches(id.issuerNameHash, certificate.subject) &&
    matches(id.issuerKeyHash, certificate.subjectPublicKey)
  )
}

function hexOfBytes(_name: string, value: unknown): unknown {
  return value instanceof Uint8Array ? hex(value) : value
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

const MALFORMED_REQUEST = 1
const UNAUTHORIZED = 6
/** Some 50 MB of responses. */
const MAX_PRODUCED = 50_000
