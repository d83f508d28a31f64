import { type EpochMs, iso } from '../der/time.ts'
import type { Certificate } from '../x509/certificate.ts'
import { isMustStaple } from '../x509/extensions.ts'
import { commonName } from '../x509/name.ts'

/** Why a certificate has, or has not, a place in the schedule. */
export type Classification =
  /** Has an OCSP URL and an issuer: gets a staple. */
  | 'ocsp'
  /** Has OCSP URLs, but its issuer is not known yet. */
  | 'issuer-missing'
  /** Names no OCSP URL but a CRL: normal, nothing to do. */
  | 'crl-only'
  /** Names neither: normal, nothing to do. */
  | 'no-revocation'
  | 'expired'
  | 'not-yet-valid'
  /** A CA certificate, kept only as issuer of others. */
  | 'ca'

/** A classification, and the reason for it in words. */
export interface Classified {
  readonly classification: Classification
  readonly detail: string
}

/** Whether and why a staple is kept for a certificate; `issuer` is `undefined` while it is not known. */
export function classify(
  certificate: Certificate,
  issuer: Certificate | undefined,
  now: EpochMs,
): Classified {
  const { notBefore, notAfter, extensions } = certificate
  if (extensions.isCa) {
    return { classification: 'ca', detail: 'a CA certificate: no server staples for it' }
  }
  if (now > notAfter) {
    return {
      classification: 'expired',
      detail: `expired at ${iso(notAfter)}: renew it, or remove its file`,
    }
  }
  if (now < notBefore) {
    const detail = `not valid before ${iso(notBefore)}: asked about from then on`
    return { classification: 'not-yet-valid', detail }
  }
  if (httpOcspUrls(certificate).length === 0) return withoutOcsp(certificate)
  if (issuer !== undefined) return { classification: 'ocsp', detail: `issued by ${nameOf(issuer)}` }
  return {
    classification: 'issuer-missing',
    detail: `no certificate found that issued it (${nameOfIssuer(certificate)}): put the issuer's certificate into the same file or folder`,
  }
}

/** The OCSP URLs that can be asked: RFC 6960 appendix A is about plain http, and no public CA has another kind. */
export function httpOcspUrls({ extensions }: Certificate): readonly string[] {
  return extensions.ocspUrls.filter((url) => /^http:\/\//i.test(url))
}

/** What people call a certificate: its first dNSName, else its common name, else its serial number in hex. */
export function displayName({ extensions, subject, serialNumber }: Certificate): string {
  const [dnsName] = extensions.dnsNames
  if (dnsName !== undefined && dnsName !== '') return printable(dnsName)
  const name = commonName(subject)
  if (name !== undefined && name !== '') return printable(name)
  return Buffer.from(serialNumber).toString('hex')
}

function withoutOcsp(certificate: Certificate): Classified {
  const { ocspUrls, crlUrls } = certificate.extensions
  const [url] = ocspUrls
  const ocsp =
    url === undefined
      ? 'names no OCSP URL'
      : `its OCSP URL ${JSON.stringify(printable(url))} is not http:, which is all that OCSP uses`
  const crl = crlUrls.length > 0 ? ', revocation is by CRL' : ' and no CRL'
  const broken = isMustStaple(certificate.extensions)
    ? '; it is must-staple all the same, so strict clients refuse it: have it issued again'
    : ''
  return {
    classification: crlUrls.length > 0 ? 'crl-only' : 'no-revocation',
    detail: ocsp + crl + broken,
  }
}

function nameOf({ subject, serialNumber }: Certificate): string {
  return printable(commonName(subject) ?? `serial ${Buffer.from(serialNumber).toString('hex')}`)
}

function nameOfIssuer({ issuer }: Certificate): string {
  return printable(commonName(issuer) ?? 'a CA without a common name')
}

/** Names come from untrusted bytes and go to terminals and logs: no control characters, and not without end. */
function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}')
  return clean.length > MAX_NAME ? `${clean.slice(0, MAX_NAME)}…` : clean
}

/** The longest DNS name has 253 characters (RFC 1035 §2.3.4). */
const MAX_NAME = 253
