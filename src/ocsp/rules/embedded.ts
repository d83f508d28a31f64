import { iso } from '../../der/time.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { signatureByKeyOf } from '../../x509/issuer.ts'
import { formatName } from '../../x509/name.ts'
import type { ClientName } from '../clients.ts'
import { equalBytes } from '../equal-bytes.ts'
import { onBasic, onDelegate, onSigning, type Rule } from '../rule.ts'
import type { Embedded, Signing } from '../signer.ts'

export const embeddedUnreadable: Rule = {
  name: 'embedded-certificate-unreadable',
  meaning: 'Something among the embedded certificates is no certificate.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: [
    'openssl',
    'curl',
    'gnutls',
    'openjdk',
    'nginx',
    'haproxy',
    'mozpkix',
    'go',
    'wolfssl',
  ],
  remedy: 'diagnose',
  check: onSigning(({ embedded, signer }) => {
    const index = embedded.findIndex(({ certificate }) => 'kind' in certificate)
    if (index < 0) return undefined
    const everywhere: readonly ClientName[] = [
      'openssl',
      'curl',
      'gnutls',
      'openjdk',
      'nginx',
      'haproxy',
    ]
    return {
      saw: `embedded certificate ${index + 1} of ${embedded.length}: ${unreadable(embedded[index])}`,
      required: 'certificates only',
      rejectedBy: [...everywhere, ...alsoRejecting(signer, index)],
    }
  }),
}

export const embeddedEmpty: Rule = {
  name: 'embedded-certificates-empty',
  meaning: 'The field for certificates is there and holds none.',
  reference: 'wolfSSL; RFC 6960 §4.2.1',
  rejectedBy: ['wolfssl'],
  remedy: 'diagnose',
  check: onBasic(({ certs }) =>
    certs?.length === 0 ? { saw: 'an empty certs', required: 'no certs field' } : undefined,
  ),
}

export const embeddedTooMany: Rule = {
  name: 'embedded-certificates-too-many',
  meaning: 'Firefox refuses a response that carries more than eight certificates.',
  reference: 'mozilla::pkix pkixutil.h MAX_OCSP_CERTS',
  rejectedBy: ['mozpkix'],
  remedy: 'diagnose',
  check: onSigning(({ embedded, issuerDesignated }) =>
    embedded.length > 8 && issuerDesignated === 'no'
      ? { saw: `${embedded.length} embedded certificates`, required: 'at most 8' }
      : undefined,
  ),
}

export const embeddedInDirectResponse: Rule = {
  name: 'embedded-certificates-in-direct-response',
  meaning:
    'The issuer itself signed, so no certificate needs to come along; some clients stumble over it.',
  reference: 'golang.org/x/crypto/ocsp, GnuTLS, wolfSSL',
  rejectedBy: ['go', 'gnutls', 'wolfssl'],
  remedy: 'diagnose',
  check: onSigning((signing, { issuer }) => {
    const { signer, embedded } = signing
    const first = embedded[0]?.certificate
    if (signer?.kind !== 'issuer' || issuer === undefined || first === undefined) return undefined
    return {
      saw: listed(signing),
      required: 'no certs field in a response that the issuer signed',
      rejectedBy: directRejectedBy(first, issuer),
    }
  }),
}

export const signerNotFirst: Rule = {
  name: 'signer-not-first',
  meaning:
    'The signer’s certificate is not the first embedded one, and some clients look at the first only.',
  reference: 'golang.org/x/crypto/ocsp, wolfSSL',
  rejectedBy: ['go', 'wolfssl'],
  remedy: 'diagnose',
  check: onDelegate(({ index, certificate }, _facts, signing) => {
    const first = signing.embedded[0]?.certificate
    if (index === 0 || (first && !('kind' in first) && sameKey(first, certificate)))
      return undefined
    return { saw: listed(signing), required: 'the signer first' }
  }),
}

export const signerCopyExpired: Rule = {
  name: 'signer-copy-expired-first',
  meaning:
    'An expired certificate of the signer’s key comes before the one in force, and clients take the first.',
  reference: 'OpenSSL, GnuTLS, OpenJDK, wolfSSL',
  rejectedBy: ['openssl', 'curl', 'gnutls', 'openjdk', 'wolfssl', 'nginx'],
  remedy: 'diagnose',
  check: onDelegate(({ index, certificate }, { now }, { embedded }) => {
    const expired = embedded
      .slice(0, index)
      .map((e) => e.certificate)
      .find((e) => !('kind' in e) && sameKey(e, certificate) && e.notAfter <= now)
    return expired === undefined || 'kind' in expired
      ? undefined
      : {
          saw: `a certificate of the signer’s key with notAfter ${iso(expired.notAfter)} first`,
          required: 'the valid one first',
        }
  }),
}

export const signerCopyNotIssued: Rule = {
  name: 'signer-copy-not-issued-first',
  meaning:
    'A certificate of the signer’s key that the issuer did not issue comes before the right one, and clients take the first.',
  reference: 'OpenSSL, GnuTLS, golang.org/x/crypto/ocsp, OpenJDK, wolfSSL',
  rejectedBy: ['openssl', 'curl', 'gnutls', 'go', 'openjdk', 'wolfssl', 'nginx'],
  remedy: 'diagnose',
  check: onDelegate(({ index, certificate }, { issuer }, signing) => {
    if (issuer === undefined) return undefined
    const copies = signing.embedded.slice(0, index).map((e) => e.certificate)
    const isForeign = copies.some(
      (e) => !('kind' in e) && sameKey(e, certificate) && signatureByKeyOf(issuer, e) !== 'valid',
    )
    return isForeign ? { saw: listed(signing), required: 'the issued one first' } : undefined
  }),
}

export const embeddedExtra: Rule = {
  name: 'embedded-certificates-extra',
  meaning: 'More certificates come along than a client needs; every handshake carries them.',
  reference: 'RFC 6960 §4.2.1; golang/go#21527',
  rejectedBy: [],
  otherwise: 'info',
  remedy: 'diagnose',
  check: onDelegate((_delegate, _facts, signing) =>
    signing.embedded.length > 1
      ? { saw: listed(signing), required: 'the signer’s certificate alone' }
      : undefined,
  ),
}

/** Who else refuses something unreadable at `index`, by who signed. */
function alsoRejecting(signer: Signing['signer'], index: number): readonly ClientName[] {
  if (signer?.kind === 'issuer') return ['go', 'wolfssl']
  const beforeSigner = signer === undefined || index < signer.index
  return beforeSigner ? ['mozpkix', 'go', 'wolfssl'] : []
}

function directRejectedBy(
  first: Embedded['certificate'],
  issuer: Certificate,
): readonly ClientName[] {
  if ('kind' in first) return ['go', 'wolfssl']
  if (first.fingerprint === issuer.fingerprint) return ['go']
  return sameKey(first, issuer) ? ['gnutls', 'go', 'wolfssl'] : ['go', 'wolfssl']
}

function listed({ embedded, signer }: Signing): string {
  const described = embedded.map(({ certificate }, index) => {
    if ('kind' in certificate) return 'something unreadable'
    const signed = signer?.kind === 'delegate' && signer.index === index
    const role = signed ? 'the signer' : certificate.extensions.isCa ? 'a CA' : 'not needed'
    return `"${formatName(certificate.subject)}" (${role})`
  })
  return `${embedded.length} embedded: ${described.join(', ')}`
}

function unreadable(embedded: Embedded | undefined): string {
  const certificate = embedded?.certificate
  if (embedded === undefined || certificate === undefined || !('kind' in certificate)) return ''
  const { problem, offset, field } = certificate
  return `${problem} at byte ${embedded.element.start + offset}, in ${field}`
}

function sameKey(a: Certificate, b: Certificate): boolean {
  return equalBytes(a.subjectPublicKey, 0, a.subjectPublicKey.length, b.subjectPublicKey)
}
