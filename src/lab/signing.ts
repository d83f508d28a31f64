import { constants, type KeyObject, sign } from 'node:crypto'
import { derNull, explicit, oid, sequence, smallInteger } from '../der/writer.ts'

/** A signature algorithm by family and digest. */
export type SigningAlgorithm =
  | `rsa-${SigningDigest}`
  | `pss-${SigningDigest}`
  | `ecdsa-${SigningDigest}`
  | 'ed25519'

export type SigningDigest = 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** The algorithm that a CA of today would use with this key: SHA-256, or Ed25519. */
export function usualAlgorithm(key: KeyObject): SigningAlgorithm {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519'
  return key.asymmetricKeyType === 'ec' ? 'ecdsa-sha256' : 'rsa-sha256'
}

/** The AlgorithmIdentifier (DER) with the parameters that its specification wants (RFC 4055, RFC 5758, RFC 8410). */
export function signatureAlgorithm(algorithm: SigningAlgorithm): Uint8Array {
  if (algorithm === 'ed25519') return sequence(oid(ED25519))
  const { family, digest } = partsOf(algorithm)
  switch (family) {
    case 'rsa':
      return sequence(oid(RSA[digest]), derNull())
    case 'ecdsa':
      return sequence(oid(ECDSA[digest]))
    case 'pss':
      return pssAlgorithm(digest)
  }
}

/** The AlgorithmIdentifier of a digest. Its parameters are NULL unless `absent` is asked for; both are in use. */
export function digestAlgorithm(
  digest: SigningDigest,
  parameters: 'null' | 'absent' = 'null',
): Uint8Array {
  return sequence(oid(DIGEST[digest]), ...(parameters === 'null' ? [derNull()] : []))
}

/** The signature over `bytes`; throws where the key is of another family than the algorithm. */
export function signBytes(
  algorithm: SigningAlgorithm,
  key: KeyObject,
  bytes: Uint8Array,
): Uint8Array {
  if (algorithm === 'ed25519') return sign(null, bytes, key)
  const { family, digest } = partsOf(algorithm)
  if (family !== 'pss') return sign(digest, bytes, key)
  const padding = constants.RSA_PKCS1_PSS_PADDING
  return sign(digest, bytes, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST })
}

// RSASSA-PSS-params ::= SEQUENCE {
//   hashAlgorithm     [0] HashAlgorithm,
//   maskGenAlgorithm  [1] MaskGenAlgorithm,
//   saltLength        [2] INTEGER, … }                 RFC 4055 §3.1
function pssAlgorithm(digest: SigningDigest): Uint8Array {
  const hash = digestAlgorithm(digest)
  const parameters = sequence(
    explicit(0, hash),
    explicit(1, sequence(oid(MGF1), hash)),
    explicit(2, smallInteger(DIGEST_OCTETS[digest])),
  )
  return sequence(oid(RSASSA_PSS), parameters)
}

function partsOf(algorithm: Exclude<SigningAlgorithm, 'ed25519'>): {
  family: 'rsa' | 'pss' | 'ecdsa'
  digest: SigningDigest
} {
  const [family, digest] = algorithm.split('-') as ['rsa' | 'pss' | 'ecdsa', SigningDigest]
  return { family, digest }
}

const RSA: Record<SigningDigest, string> = {
  sha1: '1.2.840.113549.1.1.5',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
}
const ECDSA: Record<SigningDigest, string> = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
}
const DIGEST: Record<SigningDigest, string> = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
}
const DIGEST_OCTETS: Record<SigningDigest, number> = {
  sha1: 20,
  sha256: 32,
  sha384: 48,
  sha512: 64,
}
const ED25519 = '1.3.101.112'
const RSASSA_PSS = '1.2.840.113549.1.1.10'
const MGF1 = '1.2.840.113549.1.1.8'
