import { type Certificate, keyShape, publicKey } from '../../x509/certificate.ts'
import { formatName } from '../../x509/name.ts'
import { type SignatureScheme, siblingSchemes } from '../../x509/signature.ts'
import { allBut, type ClientName, clientNames } from '../clients.ts'
import type { Facts } from '../facts.ts'
import type { BasicOcspResponse, OcspResponse, SingleResponse } from '../response.ts'
import { always, onBasic, onSigning, type Rule } from '../rule.ts'
import { type Signing, signedBy } from '../signer.ts'

type SigningFacts = Facts & { response: OcspResponse; basic: BasicOcspResponse }

export const signatureAlgorithmMismatch: Rule = {
  name: 'signature-algorithm-mismatch',
  meaning: 'The response names one signature algorithm and is signed with another.',
  reference: 'RFC 6960 §4.2.1; Cloudflare 2017, CA #2',
  rejectedBy: allBut('haproxy'),
  refusedBy: always,
  remedy: 'fatal',
  check: onSigning((signing, facts) => {
    const used = schemeReallyUsed(signing, facts)
    return used && signing.scheme
      ? {
          saw: `signatureAlgorithm claims ${signing.scheme.name}, but the signature verifies as ${used.name}`,
          required: 'the algorithm that was used',
        }
      : undefined
  }),
}

export const signatureInvalid: Rule = {
  name: 'signature-invalid',
  meaning: 'The signature does not belong to these bytes, or not to the named signer.',
  reference: 'RFC 6960 §3.2 (2)',
  rejectedBy: allBut('haproxy'),
  refusedBy: always,
  remedy: 'other-connection',
  check: onSigning((signing, facts) => {
    const { scheme, signer, issuerDesignated, embedded } = signing
    const designated = embedded.find((e) => e.designated !== 'no')?.certificate
    const named = issuerDesignated === 'no' ? designated : facts.issuer
    if (scheme === undefined || signer !== undefined || named === undefined || 'kind' in named) {
      return undefined
    }
    if (schemeReallyUsed(signing, facts) !== undefined) return undefined
    const loadable = publicKey(named) !== undefined
    return {
      saw: `${scheme.name}; not by "${formatName(named.subject)}"${loadable ? ', nor by any other key at hand' : ', whose key cannot be loaded'}`,
      required: 'a signature over tbsResponseData by the named signer',
    }
  }),
}

export const signatureAlgorithmUnsupported: Rule = {
  name: 'signature-algorithm-unsupported',
  meaning: 'The signature is made in a way that cannot be verified here.',
  reference: 'RFC 6960 §4.3',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'fatal',
  check: onSigning(({ scheme }, { basic }) =>
    scheme === undefined
      ? {
          saw: `signatureAlgorithm ${basic.signatureAlgorithm.oid}`,
          required: 'RSA-PKCS1 or ECDSA',
        }
      : undefined,
  ),
}

export const signatureAlgorithmUncommon: Rule = {
  name: 'signature-algorithm-uncommon',
  meaning: 'Not every client can verify this kind of signature.',
  reference: 'mozilla::pkix, BoringSSL, GnuTLS, Go, OpenJDK, wolfSSL',
  rejectedBy: ['mozpkix', 'boringssl', 'gnutls', 'go', 'openjdk', 'wolfssl'],
  remedy: 'fatal',
  check: onSigning(({ scheme, signer }) => {
    if (scheme === undefined) return undefined
    const shape = signer && keyShape(signer.certificate)
    const curve = shape?.kind === 'ec' ? shape.curve : undefined
    const rejectedBy = schemeRejectedBy(scheme) ?? curveRejectedBy.get(curve ?? '')
    return rejectedBy === undefined
      ? undefined
      : {
          saw: scheme.family === 'ecdsa' ? `${scheme.name} on curve ${curve}` : scheme.name,
          required: 'RSA-PKCS1, or ECDSA on P-256, P-384 or P-521',
          rejectedBy,
        }
  }),
}

export const signatureEcdsaParameters: Rule = {
  name: 'signature-ecdsa-parameters',
  meaning: 'An ECDSA algorithm identifier carries parameters, which the standard forbids.',
  reference: 'RFC 5758 §3.2; BoringSSL',
  rejectedBy: ['boringssl'],
  remedy: 'diagnose',
  check: onSigning(({ scheme }, { basic: { signatureAlgorithm } }) =>
    scheme?.family === 'ecdsa' && signatureAlgorithm.parameters !== 'absent'
      ? { saw: `${scheme.name} with parameters`, required: 'no parameters' }
      : undefined,
  ),
}

export const algorithmParametersUnexpected: Rule = {
  name: 'algorithm-parameters-unexpected',
  meaning: 'An algorithm that takes no parameters has some; not every client can read them.',
  reference: 'RFC 4055 §2.1 and §5; mozilla::pkix, BoringSSL, OpenSSL',
  rejectedBy: ['mozpkix', 'boringssl', 'openssl', 'curl', 'nginx', 'haproxy'],
  remedy: 'fatal',
  check: onBasic(({ signatureAlgorithm, responses }, { signing }) => {
    const isPkcs1 = signing?.scheme?.family === 'rsa-pkcs1'
    const odd =
      responses.find(hasOddHash)?.hashAlgorithm ??
      (isPkcs1 && signatureAlgorithm.parameters === 'other' ? signatureAlgorithm : undefined)
    return odd && { saw: `${odd.oid} with parameters`, required: 'NULL, or no parameters' }
  }),
}

export const signatureUnusedBits: Rule = {
  name: 'signature-unused-bits',
  meaning: 'The signature is not a whole number of octets.',
  reference: 'mozilla::pkix, BoringSSL, OpenSSL, Go, wolfSSL',
  rejectedBy: ['mozpkix', 'boringssl', 'openssl', 'curl', 'go', 'wolfssl', 'nginx'],
  remedy: 'fatal',
  check: onBasic(({ signature: { unusedBits } }) =>
    unusedBits > 0 ? { saw: `${unusedBits} unused bits`, required: 'none' } : undefined,
  ),
}

export const signatureSha1: Rule = {
  name: 'signature-sha1',
  meaning:
    'The response is signed with SHA-1. Clients still take it; the CA/Browser Forum ended it in 2022.',
  reference: 'policy: CA/B ballot SC-053, BR 7.1.3.2.1',
  rejectedBy: [],
  refusedBy: ({ sha1Signatures }) => sha1Signatures === 'refuse',
  remedy: 'fatal',
  check: onSigning(({ scheme }) =>
    scheme?.digest === 'sha1' ? { saw: scheme.name, required: 'SHA-256 or better' } : undefined,
  ),
}

/** For a signature that verifies with no key as claimed: the scheme of the same family with which it does (CA #2). */
function schemeReallyUsed(
  { scheme, signer, embedded }: Signing,
  { response, basic, issuer }: SigningFacts,
): SignatureScheme | undefined {
  if (scheme === undefined || signer !== undefined) return undefined
  const certificates: Certificate[] = issuer === undefined ? [] : [issuer]
  for (const { certificate } of embedded.slice(0, MAX_TRIED)) {
    if (!('kind' in certificate)) certificates.push(certificate)
  }
  return siblingSchemes(scheme).find((other) =>
    certificates.some((certificate) => signedBy(response, basic, other, certificate)),
  )
}

function hasOddHash({ hashAlgorithm }: SingleResponse): boolean {
  return hashAlgorithm.parameters === 'other'
}

function schemeRejectedBy({ family, digest }: SignatureScheme): readonly ClientName[] | undefined {
  if (family === 'rsa-pss') return digest === 'sha256' ? ['go'] : ['gnutls', 'go']
  if (family === 'eddsa') return ['mozpkix', 'boringssl', 'go', 'wolfssl']
  return undefined
}

/** By OID: secp256k1, then P-224. */
const curveRejectedBy = new Map<string, readonly ClientName[]>([
  ['1.3.132.0.10', ['mozpkix', 'boringssl', 'gnutls', 'go', 'openjdk', 'wolfssl']],
  ['1.3.132.0.33', ['mozpkix', 'boringssl', 'openjdk']],
])

const MAX_TRIED = 8
