import { type Certificate, parseCertificate } from './certificate.ts'
import { parseIssuer } from './parse-issuer.ts'

/** A certificate with that of its issuer: what every response about it is judged by. */
export interface IssuedCertificate {
  readonly certificate: Certificate
  readonly issuer: Certificate
}

/**
 * Reads both from DER; `undefined` where the issuer is not known, or one of them cannot be read. The issuer's is read once for all that
 * it has issued.
 */
export function parseIssued(of: {
  readonly der: Uint8Array
  readonly issuer?: Uint8Array | undefined
}): IssuedCertificate | undefined {
  if (of.issuer === undefined) return undefined
  const certificate = parseCertificate(of.der)
  const issuer = parseIssuer(of.issuer)
  return 'kind' in certificate || 'kind' in issuer ? undefined : { certificate, issuer }
}
