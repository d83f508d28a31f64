import { readWhole } from '../../der/reader.ts'
import { iso } from '../../der/time.ts'
import { algorithmDer } from '../../x509/algorithm.ts'
import { type Certificate, keyShape } from '../../x509/certificate.ts'
import { extensionOids, findExtension, OCSP_SIGNING } from '../../x509/extensions.ts'
import { signatureByKeyOf } from '../../x509/issuer.ts'
import { formatName } from '../../x509/name.ts'
import { signatureScheme } from '../../x509/signature.ts'
import { allBut } from '../clients.ts'
import { equalBytes } from '../equal-bytes.ts'
import { always, onDelegate, onSigning, type Rule } from '../rule.ts'

export const signerMissing: Rule = {
  name: 'signer-missing',
  meaning:
    'Neither the issuer nor an embedded certificate is the one that the response names as signer.',
  reference: 'RFC 6960 §4.2.2.2',
  rejectedBy: allBut('haproxy'),
  refusedBy: always,
  remedy: 'fatal',
  check: onSigning(({ scheme, signer, issuerDesignated, embedded }, { issuer, basic }) =>
    issuer !== undefined &&
    scheme !== undefined &&
    signer === undefined &&
    issuerDesignated === 'no' &&
    embedded.every(({ designated }) => designated === 'no')
      ? {
          saw: `responderID ${basic.responderID.kind}, ${embedded.length} embedded certificates, none of them meant by it`,
          required: 'the signer’s certificate, embedded, or a signature by the issuer',
        }
      : undefined,
  ),
}

export const responderIDMismatch: Rule = {
  name: 'responder-id-mismatch',
  meaning: 'The response was signed by another key than the one its responderID names.',
  reference: 'RFC 6960 §4.2.2.3',
  rejectedBy: ['mozpkix', 'boringssl', 'openssl', 'curl', 'openjdk', 'nginx'],
  remedy: 'fatal',
  check: onSigning(({ signer, issuerDesignated }, { basic: { responderID } }) => {
    if (signer === undefined) return undefined
    const designated = signer.kind === 'issuer' ? issuerDesignated : signer.designated
    if (designated === 'exactly' || (designated === 'no' && issuerDesignated !== 'no')) {
      return undefined
    }
    const occurrence = {
      saw: `responderID ${responderID.kind} is not that of the signer, ${nameOf(signer.certificate)}`,
      required: 'the signer’s subject to the byte, or the SHA-1 of its key',
    }
    return designated === 'no' ? occurrence : { ...occurrence, rejectedBy: ['mozpkix'] }
  }),
}

export const responderIDNamesIssuer: Rule = {
  name: 'responder-id-names-issuer',
  meaning:
    'The responderID names the issuer, and another key has signed; clients then try the issuer’s key only.',
  reference: 'mozilla::pkix pkixocsp.cpp, OpenSSL ocsp_vfy.c',
  rejectedBy: ['mozpkix', 'boringssl', 'openssl', 'curl', 'gnutls', 'openjdk', 'nginx'],
  remedy: 'fatal',
  check: onDelegate(({ certificate, designated }, _facts, { issuerDesignated }) => {
    if (issuerDesignated === 'no') return undefined
    const occurrence = {
      saw: `responderID names the issuer, signed by ${nameOf(certificate)}`,
      required: 'a responderID byKey where signer and issuer have the same name',
    }
    return designated === 'no'
      ? occurrence
      : { ...occurrence, rejectedBy: ['mozpkix', 'openssl', 'curl', 'nginx'] }
  }),
}

export const signerNotIssuedByIssuer: Rule = {
  name: 'signer-not-issued-by-issuer',
  meaning:
    'The signer’s certificate is not from the CA that issued the certificate, so it may not speak for it.',
  reference: 'RFC 6960 §4.2.2.2',
  rejectedBy: allBut('haproxy'),
  refusedBy: always,
  remedy: 'fatal',
  check: onDelegate(({ certificate }, { issuer }) => {
    if (issuer === undefined || signatureByKeyOf(issuer, certificate) === 'valid') return undefined
    const occurrence = {
      saw: `signed by ${nameOf(certificate)}, which ${nameOf(issuer)} did not issue (its issuer: ${formatName(certificate.issuer)})`,
      required: `a signer issued by ${nameOf(issuer)}`,
    }
    // GnuTLS and wolfSSL take a signer that any CA they trust has issued, such as the issuer's own issuer.
    return sameBytes(certificate.issuer, issuer.issuer)
      ? { ...occurrence, rejectedBy: allBut('gnutls', 'wolfssl', 'haproxy') }
      : occurrence
  }),
}

export const signerIssuerNameDiffers: Rule = {
  name: 'signer-issuer-name-differs',
  meaning: 'The issuer’s key signed the signer’s certificate, but under another name.',
  reference: 'RFC 5280 §6.1.3 (a) (4)',
  rejectedBy: ['mozpkix', 'openssl', 'curl', 'gnutls', 'openjdk', 'wolfssl', 'nginx'],
  remedy: 'fatal',
  check: onDelegate(({ certificate }, { issuer }) =>
    issuer !== undefined &&
    !sameBytes(certificate.issuer, issuer.subject) &&
    signatureByKeyOf(issuer, certificate) === 'valid'
      ? {
          saw: `signer’s issuer ${formatName(certificate.issuer)}`,
          required: `${formatName(issuer.subject)}, to the byte`,
        }
      : undefined,
  ),
}

export const signerWithoutOcspSigning: Rule = {
  name: 'signer-without-ocsp-signing',
  meaning: 'The CA did not give the signer the right to sign OCSP responses.',
  reference: 'RFC 6960 §4.2.2.2',
  rejectedBy: ['mozpkix', 'boringssl', 'openssl', 'curl', 'gnutls', 'openjdk', 'nginx'],
  refusedBy: always,
  remedy: 'fatal',
  check: onDelegate(({ certificate: { extensions } }) =>
    extensions.extendedKeyUsage?.includes(OCSP_SIGNING)
      ? undefined
      : {
          saw: `extendedKeyUsage ${extensions.extendedKeyUsage?.join(', ') ?? 'absent'}`,
          required: `id-kp-OCSPSigning (${OCSP_SIGNING})`,
        },
  ),
}

export const signerKeyUsage: Rule = {
  name: 'signer-key-usage-without-signing',
  meaning:
    'The CA issued the signer’s certificate for something else than signing; no client minds.',
  reference: 'RFC 5280 §4.2.1.3',
  rejectedBy: [],
  otherwise: 'info',
  remedy: 'diagnose',
  check: onDelegate(({ certificate: { extensions } }) => {
    const keyUsage = findExtension(extensions, extensionOids.keyUsage)?.value
    return keyUsage === undefined || isForSigning(keyUsage)
      ? undefined
      : { saw: 'keyUsage without digitalSignature', required: 'digitalSignature, or no keyUsage' }
  }),
}

export const signerIsCa: Rule = {
  name: 'signer-is-ca',
  meaning: 'The delegated signer is itself a CA, which Firefox refuses.',
  reference: 'mozilla::pkix pkixcheck.cpp',
  rejectedBy: ['mozpkix'],
  remedy: 'fatal',
  check: onDelegate(({ certificate: { extensions } }) =>
    extensions.isCa ? { saw: 'basicConstraints cA TRUE', required: 'no CA' } : undefined,
  ),
}

export const signerExpired: Rule = {
  name: 'signer-expired',
  meaning: 'The signer’s certificate has expired, and with it all that it signed.',
  reference: 'RFC 5280 §4.1.2.5; Symantec ALERT2435 of 2017',
  rejectedBy: allBut('boringssl', 'go', 'haproxy'),
  refusedBy: always,
  remedy: 'other-connection',
  check: onDelegate(({ certificate: { notAfter } }, { now }) =>
    notAfter <= now
      ? { saw: `signer’s notAfter ${iso(notAfter)}`, required: 'after now' }
      : undefined,
  ),
}

export const signerNotYetValid: Rule = {
  name: 'signer-not-yet-valid',
  meaning: 'The signer’s certificate begins only later.',
  reference: 'RFC 5280 §4.1.2.5',
  rejectedBy: allBut('boringssl', 'go', 'haproxy'),
  remedy: 'back-off',
  check: onDelegate(({ certificate: { notBefore } }, { now }) =>
    notBefore > now
      ? { saw: `signer’s notBefore ${iso(notBefore)}`, required: 'not after now' }
      : undefined,
  ),
}

export const signerUnknownCriticalExtension: Rule = {
  name: 'signer-unknown-critical-extension',
  meaning: 'The signer’s certificate has a critical extension that clients do not know.',
  reference: 'RFC 5280 §4.2',
  rejectedBy: ['mozpkix', 'openssl', 'curl', 'gnutls', 'wolfssl', 'nginx'],
  remedy: 'fatal',
  check: onDelegate(({ certificate: { extensions } }) => {
    const unknown = extensions.all.find(({ oid, critical }) => critical && !KNOWN.has(oid))
    return unknown && { saw: `critical ${unknown.oid}`, required: 'known extensions only' }
  }),
}

export const signerNoCheckCritical: Rule = {
  name: 'signer-nocheck-critical',
  meaning: 'id-pkix-ocsp-nocheck is marked critical, which GnuTLS refuses.',
  reference: 'RFC 6960 §4.2.2.2.1',
  rejectedBy: ['gnutls'],
  remedy: 'fatal',
  check: onDelegate(({ certificate: { extensions } }) =>
    findExtension(extensions, extensionOids.ocspNoCheck)?.critical
      ? { saw: 'critical id-pkix-ocsp-nocheck', required: 'not critical' }
      : undefined,
  ),
}

export const signerSignedWithSha1: Rule = {
  name: 'signer-signed-with-sha1',
  meaning: 'The signer’s certificate carries a SHA-1 signature.',
  reference: 'mozilla::pkix, GnuTLS; CA/B BR 7.1.3.2.1',
  rejectedBy: ['mozpkix', 'gnutls'],
  remedy: 'fatal',
  check: onDelegate(({ certificate: { signatureAlgorithm } }) => {
    const scheme = signatureScheme(signatureAlgorithm)
    return scheme?.digest === 'sha1'
      ? { saw: `signer certificate signed with ${scheme.name}`, required: 'SHA-256 or better' }
      : undefined
  }),
}

export const signerAlgorithmsDiffer: Rule = {
  name: 'signer-algorithms-differ',
  meaning: 'The signer’s certificate names two different signature algorithms.',
  reference: 'RFC 5280 §4.1.1.2',
  rejectedBy: ['mozpkix', 'boringssl', 'openssl', 'curl', 'nginx'],
  remedy: 'fatal',
  check: onDelegate(({ certificate: { innerSignatureAlgorithm: inner, signatureAlgorithm } }) =>
    sameBytes(algorithmDer(inner), algorithmDer(signatureAlgorithm))
      ? undefined
      : { saw: `${inner.oid} inside, ${signatureAlgorithm.oid} outside`, required: 'the same' },
  ),
}

export const signerKeyWeak: Rule = {
  name: 'signer-key-weak',
  meaning: 'The signer’s RSA key is shorter than 2048 bits.',
  reference: 'mozilla::pkix; CA/B BR 6.1.5',
  rejectedBy: ['mozpkix'],
  remedy: 'fatal',
  check: onSigning(({ signer }) => {
    const shape = signer && keyShape(signer.certificate)
    const bits = shape?.kind === 'rsa' ? shape.modulusBits : undefined
    return bits !== undefined && bits < 2048
      ? { saw: `RSA key of ${bits} bits`, required: 'at least 2048' }
      : undefined
  }),
}

/** digitalSignature is the first bit of KeyUsage. */
function isForSigning(keyUsage: Uint8Array): boolean {
  const bits = readWhole(keyUsage, 'KeyUsage', (reader) => reader.bitString('KeyUsage'))
  return !('kind' in bits) && ((keyUsage[bits.start] ?? 0) & 0x80) !== 0
}

function nameOf({ subject }: Certificate): string {
  return `"${formatName(subject)}"`
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(a, 0, a.length, b)
}

/** What OpenSSL and mozilla::pkix both take as critical; the others, such as subjectKeyIdentifier, must not be (RFC 5280 §4.2.1). */
const KNOWN: ReadonlySet<string> = new Set([
  extensionOids.keyUsage,
  extensionOids.subjectAltName,
  extensionOids.basicConstraints,
  extensionOids.nameConstraints,
  extensionOids.certificatePolicies,
  extensionOids.extendedKeyUsage,
  extensionOids.ocspNoCheck,
])
