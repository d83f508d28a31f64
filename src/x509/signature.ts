import {
  constants,
  createVerify,
  type KeyObject,
  type VerifyKeyObjectInput,
  verify,
} from 'node:crypto'
import { type DerReader, readWhole } from '../der/reader.ts'
import { contextConstructed } from '../der/tag.ts'
import { type AlgorithmIdentifier, algorithmDer } from './algorithm.ts'

/** A digest as `node:crypto` names it; `none` where the scheme has its own, as Ed25519 has. */
export type Digest = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512' | 'none'

/** How a signature is made. */
export interface SignatureScheme {
  /** As the standards and OpenSSL call it: `sha256WithRSAEncryption`. */
  readonly name: string
  readonly family: 'rsa-pkcs1' | 'rsa-pss' | 'ecdsa' | 'eddsa'
  readonly digest: Digest
}

/** The scheme that an AlgorithmIdentifier names; `undefined` for one that is not supported. */
export function signatureScheme(algorithm: AlgorithmIdentifier): SignatureScheme | undefined {
  return algorithm.oid === RSASSA_PSS ? pssScheme(algorithm) : schemes.get(algorithm.oid)
}

/** Every scheme of the same family, to try which one was really used (CA #2). */
export function siblingSchemes({ family }: SignatureScheme): readonly SignatureScheme[] {
  return [...schemes.values()].filter((scheme) => scheme.family === family)
}

/** What was signed, with what, and the signature over it. */
export interface SignedBytes {
  readonly signed: Uint8Array
  readonly signature: Uint8Array
  readonly key: KeyObject
}

/** As {@link verifyWith}, the scheme taken from an AlgorithmIdentifier. */
export function verifySignature(
  algorithm: AlgorithmIdentifier,
  bytes: SignedBytes,
): 'valid' | 'invalid' | 'unsupported' {
  const scheme = signatureScheme(algorithm)
  return scheme === undefined ? 'unsupported' : verifyWith(scheme, bytes)
}

/** Whether the signature is by this key over exactly these bytes. A key of another family than the scheme's never verifies: `invalid`. */
export function verifyWith(
  { family, digest }: SignatureScheme,
  { signed, signature, key }: SignedBytes,
): 'valid' | 'invalid' {
  const keyFamilies = keyFamily.get(key.asymmetricKeyType ?? '') ?? []
  if (!keyFamilies.includes(family)) return 'invalid'
  try {
    const valid =
      digest === 'none'
        ? verify(null, signed, key, signature)
        : // Some 3 % faster than the one-shot function (Node.js 24.21).
          createVerify(digest)
            .update(signed)
            .verify(family === 'rsa-pss' ? pss(key) : key, signature)
    return valid ? 'valid' : 'invalid'
  } catch {
    // OpenSSL throws on some signatures that cannot be of this key, instead of saying no.
    return 'invalid'
  }
}

function pss(key: KeyObject): VerifyKeyObjectInput {
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING }
}

// RSASSA-PSS-params ::= SEQUENCE {
//   hashAlgorithm  [0] EXPLICIT HashAlgorithm DEFAULT sha1, … }   RFC 4055 §3.1
function pssScheme(algorithm: AlgorithmIdentifier): SignatureScheme | undefined {
  const hash = readWhole(algorithmDer(algorithm), 'AlgorithmIdentifier', (reader) =>
    reader.sequence('AlgorithmIdentifier', (r) => {
      r.oid('AlgorithmIdentifier.algorithm')
      return r.done ? undefined : r.sequence('RSASSA-PSS-params', hashAlgorithm)
    }),
  )
  const digest = typeof hash === 'string' ? digestOids.get(hash) : undefined
  return digest && { name: `rsassaPss with ${digest}`, family: 'rsa-pss', digest }
}

function hashAlgorithm(reader: DerReader): string | undefined {
  const oid = reader.optional(contextConstructed(0), 'hashAlgorithm', (r) =>
    r.sequence('hashAlgorithm', (h) => {
      const algorithm = h.oid('hashAlgorithm')
      if (!h.done) h.any('hashAlgorithm')
      return algorithm
    }),
  )
  while (!reader.done) reader.any('RSASSA-PSS-params')
  return oid
}

const keyFamily = new Map<string, readonly SignatureScheme['family'][]>([
  ['rsa', ['rsa-pkcs1', 'rsa-pss']],
  ['rsa-pss', ['rsa-pss']],
  ['ec', ['ecdsa']],
  ['ed25519', ['eddsa']],
  ['ed448', ['eddsa']],
])

const RSASSA_PSS = '1.2.840.113549.1.1.10'

const schemes = new Map<string, SignatureScheme>([
  ['1.2.840.113549.1.1.5', rsa('sha1')],
  ['1.2.840.113549.1.1.14', rsa('sha224')],
  ['1.2.840.113549.1.1.11', rsa('sha256')],
  ['1.2.840.113549.1.1.12', rsa('sha384')],
  ['1.2.840.113549.1.1.13', rsa('sha512')],
  ['1.2.840.10045.4.1', ecdsa('sha1')],
  ['1.2.840.10045.4.3.1', ecdsa('sha224')],
  ['1.2.840.10045.4.3.2', ecdsa('sha256')],
  ['1.2.840.10045.4.3.3', ecdsa('sha384')],
  ['1.2.840.10045.4.3.4', ecdsa('sha512')],
  ['1.3.101.112', { name: 'Ed25519', family: 'eddsa', digest: 'none' }],
  ['1.3.101.113', { name: 'Ed448', family: 'eddsa', digest: 'none' }],
])

/** OIDs of the digests (RFC 8017 appendix B.1). */
export const digestOids: ReadonlyMap<string, Exclude<Digest, 'none'>> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.4', 'sha224'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
])

function rsa(digest: Digest): SignatureScheme {
  return { name: `${digest}WithRSAEncryption`, family: 'rsa-pkcs1', digest }
}

function ecdsa(digest: Digest): SignatureScheme {
  return { name: `ecdsa-with-${digest.toUpperCase()}`, family: 'ecdsa', digest }
}
