import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { findIssuer } from '../x509/issuer.ts'
import { certificatesInPem, looksLikePem } from '../x509/pem.ts'
import { certificatesInCertsOnly } from './certs-only.ts'
import type { Transport } from './transport.ts'

/** The issuer's certificate and where it was found, or for each URL why not. */
export type IssuerOutcome =
  | { readonly kind: 'issuer'; readonly issuer: Certificate; readonly url: string }
  | { readonly kind: 'failed'; readonly problem: string }

/**
 * Fetches the certificate of a certificate's issuer from where it says that it is (AIA caIssuers, RFC 5280 §4.2.2.1): DER, PEM or
 * certs-only PKCS #7. Whatever is found is only taken if its key signed `certificate`. Never rejects.
 */
export async function fetchIssuer(options: {
  readonly certificate: Certificate
  readonly transport: Transport
  readonly signal: AbortSignal
}): Promise<IssuerOutcome> {
  const { certificate, transport, signal } = options
  const urls = certificate.extensions.caIssuersUrls.filter((url) => /^http:/i.test(url))
  const problems: string[] = []
  for (const url of urls.slice(0, MAX_URLS)) {
    const result = await transport.send({ method: 'GET', url, connection: 'kept', signal })
    const found = result.kind === 'response' && result.statusCode === 200
    if (found) {
      const candidates = certificatesIn(result.body)
      const issuer = findIssuer(certificate, candidates)
      if (issuer !== undefined) return { kind: 'issuer', issuer, url }
      problems.push(`${url}: ${whyNot(candidates.length)}`)
    } else {
      const problem =
        result.kind === 'response' ? `HTTP status ${result.statusCode}` : result.problem
      problems.push(`${url}: ${problem}`)
    }
  }
  const problem =
    problems.length === 0
      ? "the certificate names no http: URL of its issuer's certificate (AIA caIssuers)"
      : problems.join('; ')
  return { kind: 'failed', problem }
}

/** The certificates of a body in any of the three forms; what is not one is left out. */
function certificatesIn(body: Uint8Array): readonly Certificate[] {
  const certificates: Certificate[] = []
  for (const der of dersIn(body)) {
    const certificate = parseCertificate(der)
    if (!('kind' in certificate)) certificates.push(certificate)
  }
  return certificates
}

function dersIn(body: Uint8Array): readonly Uint8Array[] {
  if (looksLikePem(body)) return certificatesInPem(body).certificates.map(({ der }) => der)
  const bundle = certificatesInCertsOnly(body)
  return 'kind' in bundle ? [body] : bundle
}

function whyNot(candidates: number): string {
  if (candidates === 0) return 'no certificate, neither DER nor PEM nor PKCS #7'
  return candidates === 1
    ? 'a certificate that did not issue this one'
    : `${candidates} certificates, of which none issued this one`
}

/** Certificates name one, seldom two, one of which is often LDAP. */
const MAX_URLS = 4
