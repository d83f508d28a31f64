import { STATUS_REQUEST } from '../../x509/extensions.ts'
import { formatName } from '../../x509/name.ts'
import type { Rule } from '../rule.ts'

export const issuerNotServed: Rule = {
  name: 'issuer-not-served',
  meaning:
    'curl and GnuTLS cannot judge a staple unless the server sends the issuer’s certificate too.',
  reference: 'curl --cert-status, GnuTLS',
  rejectedBy: [],
  remedy: 'diagnose',
  check: ({ issuer, servedChain }) =>
    issuer !== undefined &&
    servedChain !== undefined &&
    !servedChain.some(({ fingerprint }) => fingerprint === issuer.fingerprint)
      ? {
          saw: `a chain of ${servedChain.length} without "${formatName(issuer.subject)}"`,
          required: 'the issuer’s certificate in the served chain',
        }
      : undefined,
}

export const ocspUrlMissing: Rule = {
  name: 'ocsp-url-missing',
  meaning: 'The certificate names no OCSP responder, so clients of libtls refuse a staple for it.',
  reference: 'LibreSSL libtls tls_ocsp.c',
  rejectedBy: [],
  otherwise: 'info',
  remedy: 'diagnose',
  check: ({ certificate }) =>
    certificate !== undefined && certificate.extensions.ocspUrls.length === 0
      ? { saw: 'no OCSP URL in the certificate', required: 'one, for clients of libtls' }
      : undefined,
}

export const tlsFeatureUnsupported: Rule = {
  name: 'tls-feature-unsupported',
  meaning:
    'Firefox refuses a certificate whose TLS Feature extension asks for more than status_request, staple or not.',
  reference: 'RFC 7633 §4.2.1; mozilla::pkix',
  rejectedBy: [],
  remedy: 'fatal',
  check: ({ certificate }) => {
    const features = certificate?.extensions.tlsFeatures
    if (features === undefined || (features.length === 1 && features[0] === STATUS_REQUEST)) {
      return undefined
    }
    return {
      saw: `TLS features ${features.length === 0 ? '(none)' : features.join(', ')}`,
      required: 'status_request (5) alone',
    }
  },
}
