import type { Malformed } from '../der/reader.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { parseIssuer as rememberedIssuer } from './parse-issuer.ts'

/** A certificate with that of its issuer: what every response about it is judged by. */
export interface IssuedCertificate {
  readonly certificate: Certificate
  readonly issuer: Certificate
}

/**
 * Reads both from DER; `undefined` where the issuer is not known, or one of them cannot be read. `parseIssuer` remembers, as many certificates
 * have the same issuer.
 */
export function parseIssued(
  of: { readonly der: Uint8Array; readonly issuer?: Uint8Array | undefined },
  parseIssuer: (der: Uint8Array) => Certificate | Malformed = rememberedIssuer,
): IssuedCertificate | undefined {
  if (of.issuer === undefined) return undefined
  const certificate = parseCertificate(of.der)
  const issuer = parseIssuer(of.issuer)
  return 'kind' in certificate || 'kind' in issuer ? undefined : { certificate, issuer }
}
