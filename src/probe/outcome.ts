import type { Explanation } from '../ocsp/explain.ts'
import type { Certificate } from '../x509/certificate.ts'
import { isMustStaple } from '../x509/extensions.ts'

/** What a completed handshake brought; stable names, also in metrics. All but the first two are a staple that is missing, or as good as missing. */
export type Outcome =
  /** A staple that every required client takes. */
  | 'stapled'
  /** None, and none is expected: the certificate names no OCSP responder and is not must-staple. */
  | 'no-ocsp-url'
  | 'none-sent'
  /** The server does not send its issuer's certificate and nobody gave it, so that nothing can be verified, by clients neither. */
  | 'issuer-missing'
  | 'certificate-expired'
  | 'expired'
  | 'not-yet-valid'
  | 'revoked'
  | 'unknown'
  | 'wrong-certificate'
  | 'bad-signature'
  /** An OCSP error such as tryLater instead of a response about the certificate. */
  | 'error-response'
  | 'malformed'
  /** Some required client refuses it for another reason; the findings tell. */
  | 'unacceptable'

/** Names what was sent for a certificate. `explanation` is `undefined` where nothing was. */
export function outcomeOf(
  { extensions }: Certificate,
  explanation: Explanation | undefined,
): Outcome {
  if (explanation === undefined) {
    const isExpected = extensions.ocspUrls.length > 0 || isMustStaple(extensions)
    return isExpected ? 'none-sent' : 'no-ocsp-url'
  }
  if (explanation.accepted) return 'stapled'
  const { findings, notJudged } = explanation
  const rule = (findings.find(({ level }) => level === 'reject') ?? refusedAsSent(explanation))
    ?.rule
  if (rule !== undefined) return byRule.get(rule) ?? 'unacceptable'
  return notJudged.length > 0 ? 'issuer-missing' : 'unacceptable'
}

/** Whether something is wrong. */
export function isMissing(outcome: Outcome): boolean {
  return outcome !== 'stapled' && outcome !== 'no-ocsp-url'
}

/** The bytes are judged as they were sent: what the canonical form would mend still keeps clients from taking them. */
function refusedAsSent({ findings }: Explanation): Explanation['findings'][number] | undefined {
  return findings.find(({ level, rejectedBy }) => level === 'repair' && rejectedBy.length > 0)
}

const byRule = new Map<string, Outcome>([
  ['body-empty', 'malformed'],
  ['body-one-byte', 'malformed'],
  ['body-is-text', 'malformed'],
  ['response-malformed', 'malformed'],
  ['response-status-not-successful', 'error-response'],
  ['response-bytes-missing', 'malformed'],
  ['cert-id-mismatch', 'wrong-certificate'],
  ['status-revoked', 'revoked'],
  ['status-not-issued', 'revoked'],
  ['status-unknown', 'unknown'],
  ['certificate-expired', 'certificate-expired'],
  ['next-update-passed', 'expired'],
  ['this-update-too-old', 'expired'],
  ['this-update-in-future', 'not-yet-valid'],
  ['signature-algorithm-mismatch', 'bad-signature'],
  ['signature-invalid', 'bad-signature'],
  ['signer-missing', 'bad-signature'],
  ['signer-not-issued-by-issuer', 'bad-signature'],
])
