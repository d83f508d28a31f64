import type { Explanation } from '../ocsp/explain.ts'
import type { Finding } from '../ocsp/verdict.ts'
import type { Certificate } from '../x509/certificate.ts'
import { isMustStaple, STATUS_REQUEST } from '../x509/extensions.ts'
import type { Outcome } from './outcome.ts'

/** What a client does. */
export interface Conduct {
  readonly connects: boolean
  /** In words, of what was seen. */
  readonly why: string
  /** The code that Firefox shows; only of the must-staple browser, and only where it is known. */
  readonly error?: string
}

/** The kinds of clients that the post tells apart. */
export interface Conducts {
  /** Insists on a good staple from everybody: `curl --cert-status`. */
  readonly hardFail: Conduct
  /** Goes on without one, and ignores what it cannot use: Chrome. A staple that says revoked ends the connection. */
  readonly softFail: Conduct
  /** Insists where the certificate asks for it (RFC 7633): Firefox, mozilla::pkix. */
  readonly mustStapleBrowser: Conduct
}

/** What was sent, and what was made of it. */
export interface Sent {
  readonly certificate: Certificate
  readonly outcome: Outcome
  readonly explanation: Explanation | undefined
  /** Why the chain is refused; `undefined` where it is trusted, or not looked at. */
  readonly distrust: string | undefined
}

/** What each kind of client does with what a server sent. Pure. */
export function conductsOf(sent: Sent): Conducts {
  return {
    hardFail: distrusting(hardFail(sent), sent),
    softFail: distrusting(softFail(sent), sent),
    mustStapleBrowser: distrusting(firefox(sent), sent),
  }
}

/** Whoever would connect does not, where the chain is not trusted. */
function distrusting(conduct: Conduct, { distrust }: Sent): Conduct {
  if (distrust === undefined || !conduct.connects) return conduct
  return refuses(`the certificate is not trusted: ${distrust}`)
}

function hardFail({ outcome, explanation }: Sent): Conduct {
  if (outcome === 'stapled') return connects('the staple is good')
  if (explanation === undefined) return refuses('there is no staple')
  const [first] = explanation.findings.filter(({ rejectedBy }) => rejectedBy.length > 0)
  return refuses(first === undefined ? UNVERIFIED : inWords(first))
}

function softFail({ explanation }: Sent): Conduct {
  if (explanation === undefined) return connects('it goes on without a staple')
  const refused = refusedBy(explanation, 'boringssl')
  if (refused.length === 0) return connects(goodOr(explanation))
  const isRevoked = refused.every(({ rule }) => revocations.has(rule))
  return isRevoked ? refuses('the certificate is revoked') : connects('it ignores the staple')
}

/** As observed with Firefox ESR 153: test/e2e/firefox.test.ts, docs/monitoring.md. */
function firefox({ certificate: { extensions }, explanation }: Sent): Conduct {
  const { tlsFeatures } = extensions
  if (tlsFeatures?.some((feature) => feature !== STATUS_REQUEST) || tlsFeatures?.length === 0) {
    return refuses('the certificate asks for TLS features other than status_request', FEATURE)
  }
  if (explanation === undefined) {
    return isMustStaple(extensions)
      ? refuses('the certificate is must-staple, and there is no staple', FEATURE)
      : connects('the certificate does not ask for a staple')
  }
  const refused = refusedBy(explanation, 'mozpkix')
  if (refused.length === 0) return connects(goodOr(explanation))
  const hard = refused.find((finding) => !isIgnored(finding))
  if (hard === undefined) {
    // It looks at whether one was sent, not at what is in it.
    return connects('it ignores the staple, also where the certificate is must-staple')
  }
  return refuses(inWords(hard), errorOf(hard))
}

/** A client may know the issuer from elsewhere; here nobody does. */
function goodOr({ notJudged }: Explanation): string {
  return notJudged.length === 0 ? 'the staple is good' : 'nothing is wrong that can be seen'
}

function refusedBy({ findings }: Explanation, client: 'mozpkix' | 'boringssl'): Finding[] {
  return findings.filter(({ rejectedBy }) => rejectedBy.includes(client))
}

/** OLD_RESPONSE, TRY_SERVER_LATER, INVALID_SIGNING_CERT and RESPONSE_FOR_CERT_MISSING, which NSSCertDBTrustDomain goes on after. */
function isIgnored({ rule, saw }: Finding): boolean {
  if (rule === 'response-status-not-successful') return saw.includes('tryLater')
  return ignored.has(rule) || (rule.startsWith('signer-') && !hardOfSigner.has(rule))
}

function errorOf({ rule, saw }: Finding): string | undefined {
  if (rule === 'response-status-not-successful') {
    return statusErrors.find(([status]) => saw.includes(status))?.[1]
  }
  return errors.has(rule) ? errors.get(rule) : 'SEC_ERROR_OCSP_MALFORMED_RESPONSE'
}

function connects(why: string): Conduct {
  return { connects: true, why }
}

function refuses(why: string, error?: string): Conduct {
  return { connects: false, why, ...(error !== undefined && { error }) }
}

function inWords({ rule, saw, required }: Finding): string {
  return `${rule}: saw ${saw}; required: ${required}`
}

const UNVERIFIED = 'the issuer’s certificate is not sent, so the staple cannot be verified'
const FEATURE = 'MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING'
const revocations = new Set(['status-revoked', 'status-not-issued'])
const ignored = new Set([
  'cert-id-mismatch',
  'next-update-passed',
  'next-update-missing',
  'this-update-too-old',
  'responder-id-mismatch',
  // It takes the key for that of nobody.
  'signature-algorithm-uncommon',
])
const hardOfSigner = new Set(['signer-unknown-critical-extension', 'signer-certificate-malformed'])
const statusErrors = [
  ['malformedRequest', 'SEC_ERROR_OCSP_MALFORMED_REQUEST'],
  ['internalError', 'SEC_ERROR_OCSP_SERVER_ERROR'],
  ['sigRequired', 'SEC_ERROR_OCSP_REQUEST_NEEDS_SIG'],
  ['unauthorized', 'SEC_ERROR_OCSP_UNAUTHORIZED_REQUEST'],
] as const
/** All others are malformed. */
const errors = new Map<string, string | undefined>([
  ['status-revoked', 'SEC_ERROR_REVOKED_CERTIFICATE'],
  ['status-not-issued', 'SEC_ERROR_REVOKED_CERTIFICATE'],
  ['status-unknown', 'SEC_ERROR_OCSP_UNKNOWN_CERT'],
  ['this-update-in-future', 'SEC_ERROR_OCSP_FUTURE_RESPONSE'],
  ['signature-invalid', 'SEC_ERROR_OCSP_BAD_SIGNATURE'],
  ['signature-algorithm-mismatch', 'SEC_ERROR_OCSP_BAD_SIGNATURE'],
  ['signature-unused-bits', 'SEC_ERROR_OCSP_BAD_SIGNATURE'],
  ['responder-id-names-issuer', 'SEC_ERROR_OCSP_BAD_SIGNATURE'],
  ['signer-unknown-critical-extension', 'SEC_ERROR_UNKNOWN_CRITICAL_EXTENSION'],
  ['response-extension-critical', 'SEC_ERROR_UNKNOWN_CRITICAL_EXTENSION'],
  ['single-extension-critical', 'SEC_ERROR_UNKNOWN_CRITICAL_EXTENSION'],
  ['sct-list-empty', 'SEC_ERROR_EXTENSION_VALUE_INVALID'],
  ['time-with-fraction', 'SEC_ERROR_INVALID_TIME'],
  ['time-without-seconds', 'SEC_ERROR_INVALID_TIME'],
  ['time-with-offset', 'SEC_ERROR_INVALID_TIME'],
  ['non-minimal-integer', 'MOZILLA_PKIX_ERROR_INVALID_INTEGER_ENCODING'],
  // Another one for each entry that is in it.
  ['single-responses-several', undefined],
  ['response-too-large', undefined],
])
