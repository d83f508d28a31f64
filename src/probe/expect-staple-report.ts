import type { EpochMs } from '../der/time.ts'
import {
  type CertStatus,
  type ExpectStapleReport,
  encodeExpectStapleReport,
  MAX_CHAIN,
  MAX_REPORT_BYTES,
  type ResponseStatus,
} from '../serve/expect-staple/report.ts'
import type { CompletedHandshake } from './handshake.ts'
import type { Outcome } from './outcome.ts'
import type { Target } from './target.ts'

/** A handshake that came about, and what was made of it. */
export interface ObservedHandshake {
  readonly target: Pick<Target, 'host' | 'port' | 'servername'>
  readonly handshake: Pick<CompletedHandshake, 'chain' | 'staple'>
  readonly outcome: Outcome
  readonly at: EpochMs
}

/**
 * The Expect-Staple report of a handshake, JSON to be posted as `application/json`; `undefined`
 * where nothing is wrong. What makes it too large is left out: issuers first, then the staple.
 * Pure.
 */
export function expectStapleReport(observed: ObservedHandshake): string | undefined {
  const { target, handshake, outcome, at } = observed
  const words = wordsFor[outcome]
  if (words === undefined) return undefined
  const [responseStatus, certStatus] = words
  const servedChain = handshake.chain.slice(0, MAX_CHAIN).map(({ der }) => der)
  const report: ExpectStapleReport = {
    at,
    host: target.servername ?? target.host,
    port: target.port,
    responseStatus,
    certStatus,
    response: handshake.staple,
    servedChain,
  }
  const lean = { ...report, servedChain: servedChain.slice(0, 1) }
  const bare = { ...lean, response: undefined }
  const sizes = [report, lean, bare, { ...bare, servedChain: [] }].map(encodeExpectStapleReport)
  return sizes.find((text) => text.length <= MAX_REPORT_BYTES)
}

/**
 * The format has few words. For what it has none, the staple was there and says nothing that could
 * be believed.
 */
const wordsFor: {
  readonly [outcome in Outcome]: readonly [ResponseStatus, CertStatus?] | undefined
} = {
  stapled: undefined,
  'no-ocsp-url': undefined,
  'none-sent': ['MISSING'],
  'issuer-missing': ['PROVIDED', 'UNKNOWN'],
  'certificate-expired': ['PROVIDED', 'UNKNOWN'],
  expired: ['INVALID_DATE'],
  'not-yet-valid': ['INVALID_DATE'],
  revoked: ['PROVIDED', 'REVOKED'],
  unknown: ['PROVIDED', 'UNKNOWN'],
  'wrong-certificate': ['NO_MATCHING_RESPONSE'],
  'bad-signature': ['PROVIDED', 'UNKNOWN'],
  'error-response': ['ERROR_RESPONSE'],
  malformed: ['PARSE_RESPONSE_ERROR'],
  unacceptable: ['PROVIDED', 'UNKNOWN'],
}
