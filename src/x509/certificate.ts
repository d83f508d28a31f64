import { createPublicKey, hash, type KeyObject, X509Certificate } from 'node:crypto'
import { DerReader, type Element, type Malformed, readWhole, type Span } from '../der/reader.ts'
import type { Sloppiness } from '../der/sloppiness.ts'
import { contextConstructed, tags } from '../der/tag.ts'
import type { EpochMs } from '../der/time.ts'
import { type AlgorithmIdentifier, algorithmDer, algorithmIdentifier } from './algorithm.ts'
import { type Extensions, extensions } from './extensions.ts'

/** What OCSP needs of a certificate (RFC 5280 §4.1). Byte fields are views into `der`, never re-encoded. */
export interface Certificate {
  readonly der: Uint8Array
  /** SHA-256 of `der`, lower-case hex. */
  readonly fingerprint: string
  readonly tbsCertificate: Uint8Array
  /** Content octets of the INTEGER exactly as encoded, padding included (CA #3). */
  readonly serialNumber: Uint8Array
  /** The issuer Name, DER. This field of the leaf is what a CertID hashes, not the issuer's subject. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly notBefore: EpochMs
  readonly notAfter: EpochMs
  readonly subjectPublicKeyInfo: Uint8Array
  readonly publicKeyAlgorithm: AlgorithmIdentifier
  /** The octets of subjectPublicKey without the count of unused bits: what issuerKeyHash hashes. */
  readonly subjectPublicKey: Uint8Array
  /** `signature` inside tbsCertificate and `signatureAlgorithm` outside, which must be equal (RFC 5280 §4.1.1.2). */
  readonly innerSignatureAlgorithm: AlgorithmIdentifier
  readonly signatureAlgorithm: AlgorithmIdentifier
  readonly signature: Uint8Array
  readonly extensions: Extensions
  /** Encodings that could be read but are not DER. */
  readonly sloppiness: readonly Sloppiness[]
}

/**
 * Reads a certificate, also one that OpenSSL refuses for its sloppy encoding. Bytes after its end are noted, not refused. An
 * extension that cannot be read is listed in `extensions.malformed` and does not fail the certificate.
 */
export function parseCertificate(der: Uint8Array): Certificate | Malformed {
  return readWhole(der, 'Certificate', (reader) => {
    const read = certificate(reader)
    reader.noteTrailing('Certificate')
    const trailing = reader.sloppiness.filter(({ kind }) => kind === 'trailing-bytes')
    return { ...read, sloppiness: [...read.sloppiness, ...trailing] }
  })
}

/** Reads the certificate that comes next, as responses embed them. */
// Certificate ::= SEQUENCE {
//   tbsCertificate      TBSCertificate,
//   signatureAlgorithm  AlgorithmIdentifier,
//   signatureValue      BIT STRING }                   RFC 5280 §4.1
export function certificate(reader: DerReader): Certificate {
  const whole = reader.any('Certificate')
  const own = new DerReader(reader.bytes, whole.start, whole.end)
  const view = ({ start, end }: Span) => reader.bytes.subarray(start, end)
  const der = view(whole)
  return own.sequence('Certificate', (r) => {
    const tbs = tbsCertificate(r)
    const signatureAlgorithm = algorithmIdentifier(r, 'Certificate.signatureAlgorithm')
    const signature = r.bitString('Certificate.signatureValue')
    if (signature.unusedBits > 0) {
      const saw = `a signature with ${signature.unusedBits} unused bits`
      own.note('unused-bits', 'Certificate.signatureValue', signature.start - 1, saw)
    }
    return {
      der,
      fingerprint: hash('sha256', der),
      tbsCertificate: view(tbs.span),
      serialNumber: view(tbs.serialNumber),
      issuer: view(tbs.issuer),
      subject: view(tbs.subject),
      notBefore: tbs.notBefore,
      notAfter: tbs.notAfter,
      subjectPublicKeyInfo: view(tbs.spki),
      publicKeyAlgorithm: tbs.publicKeyAlgorithm,
      subjectPublicKey: view(tbs.subjectPublicKey),
      innerSignatureAlgorithm: tbs.signature,
      signatureAlgorithm,
      signature: view(signature),
      extensions: tbs.extensions,
      sloppiness: own.sloppiness,
    }
  })
}

/** A key as far as clients judge it. */
export type KeyShape =
  | { readonly kind: 'rsa'; readonly modulusBits: number }
  /** The OID of the curve, `undefined` where it is spelled out. */
  | { readonly kind: 'ec'; readonly curve: string | undefined }
  | { readonly kind: 'other' }

/**
 * The certificate's key as Node.js uses it, made once and kept as long as the certificate is: making it costs more than a
 * verification. `undefined` for a key that OpenSSL cannot load.
 */
export function publicKey(of: Certificate): KeyObject | undefined {
  return loaded(of).key
}

/** Size or curve of the certificate's key. */
export function keyShape(of: Certificate): KeyShape {
  return loaded(of).shape
}

/** The certificate as OpenSSL reads it, or why it does not. */
export function opensslForm(of: Certificate): X509Certificate | { readonly problem: string } {
  return loaded(of).openssl
}

interface Loaded {
  readonly openssl: X509Certificate | { readonly problem: string }
  readonly key: KeyObject | undefined
  readonly shape: KeyShape
}

const loadedCertificates = new WeakMap<Certificate, Loaded>()

function loaded(of: Certificate): Loaded {
  const known = loadedCertificates.get(of)
  if (known !== undefined) return known
  const openssl = readByOpenssl(of.der)
  const made = { openssl, key: loadKey(openssl, of.subjectPublicKeyInfo), shape: shapeOf(of) }
  loadedCertificates.set(of, made)
  return made
}

function readByOpenssl(der: Uint8Array): Loaded['openssl'] {
  try {
    return new X509Certificate(der)
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

/** From the key's own bytes for a certificate that OpenSSL refuses as a whole (CA #3). */
function loadKey(openssl: Loaded['openssl'], spki: Uint8Array): KeyObject | undefined {
  try {
    if (!('problem' in openssl)) return openssl.publicKey
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

// Read here, as asking Node.js for the details of a key costs as much as a verification.
function shapeOf({ publicKeyAlgorithm, subjectPublicKey }: Certificate): KeyShape {
  if (publicKeyAlgorithm.oid === RSA_ENCRYPTION) {
    const modulus = readWhole(subjectPublicKey, 'RSAPublicKey', (reader) =>
      reader.sequence('RSAPublicKey', (r) => {
        const { start, end } = r.integer('RSAPublicKey.modulus')
        r.any('RSAPublicKey.publicExponent')
        return bitLength(r.bytes, start, end)
      }),
    )
    return typeof modulus === 'number' ? { kind: 'rsa', modulusBits: modulus } : { kind: 'other' }
  }
  if (publicKeyAlgorithm.oid !== EC_PUBLIC_KEY) return { kind: 'other' }
  const curve = readWhole(algorithmDer(publicKeyAlgorithm), 'AlgorithmIdentifier', (reader) =>
    reader.sequence('AlgorithmIdentifier', (r) => {
      r.oid('AlgorithmIdentifier.algorithm')
      return r.has(tags.oid) ? r.oid('ECParameters.namedCurve') : undefined
    }),
  )
  return { kind: 'ec', curve: typeof curve === 'string' ? curve : undefined }
}

function bitLength(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] === 0) at++
  return at === end ? 0 : (end - at - 1) * 8 + (32 - Math.clz32(bytes[at] ?? 0))
}

interface TbsCertificate {
  readonly span: Element
  readonly serialNumber: Span
  readonly signature: AlgorithmIdentifier
  readonly issuer: Element
  readonly notBefore: EpochMs
  readonly notAfter: EpochMs
  readonly subject: Element
  readonly spki: Element
  readonly publicKeyAlgorithm: AlgorithmIdentifier
  readonly subjectPublicKey: Span
  readonly extensions: Extensions
}

// TBSCertificate ::= SEQUENCE {
//   version          [0] EXPLICIT Version DEFAULT v1,
//   serialNumber         CertificateSerialNumber,
//   signature            AlgorithmIdentifier,
//   issuer               Name,
//   validity             Validity,
//   subject              Name,
//   subjectPublicKeyInfo SubjectPublicKeyInfo,
//   issuerUniqueID   [1] IMPLICIT UniqueIdentifier OPTIONAL,
//   subjectUniqueID  [2] IMPLICIT UniqueIdentifier OPTIONAL,
//   extensions       [3] EXPLICIT Extensions OPTIONAL }    RFC 5280 §4.1
function tbsCertificate(reader: DerReader): TbsCertificate {
  const start = reader.position
  const fields = reader.sequence('TBSCertificate', (r) => {
    r.optional(contextConstructed(0), 'TBSCertificate.version', version)
    const serialNumber = r.integer('TBSCertificate.serialNumber')
    const signature = algorithmIdentifier(r, 'TBSCertificate.signature')
    const issuer = name(r, 'TBSCertificate.issuer')
    const validity = r.sequence('Validity', (v) => ({
      notBefore: v.time('Validity.notBefore'),
      notAfter: v.time('Validity.notAfter'),
    }))
    const subject = name(r, 'TBSCertificate.subject')
    const key = subjectPublicKeyInfo(r)
    for (const tag of UNIQUE_IDS) if (r.has(tag)) r.any('TBSCertificate.uniqueID')
    return {
      serialNumber,
      signature,
      issuer,
      ...validity,
      subject,
      ...key,
      extensions: extensions(r),
    }
  })
  const span = {
    tag: tags.sequence,
    start,
    end: reader.position,
    contentStart: start,
    contentEnd: 0,
  }
  return { span, ...fields }
}

function version(reader: DerReader): number {
  return reader.smallInteger('TBSCertificate.version')
}

function name(reader: DerReader, field: string): Element {
  const element = reader.any(field)
  if (element.tag !== tags.sequence) {
    new DerReader(reader.bytes, element.start).content(tags.sequence, field)
  }
  return element
}

// SubjectPublicKeyInfo ::= SEQUENCE {
//   algorithm         AlgorithmIdentifier,
//   subjectPublicKey  BIT STRING }                     RFC 5280 §4.1
function subjectPublicKeyInfo(
  reader: DerReader,
): Pick<TbsCertificate, 'spki' | 'publicKeyAlgorithm' | 'subjectPublicKey'> {
  const spki = reader.any('SubjectPublicKeyInfo')
  const inner = new DerReader(reader.bytes, spki.start, spki.end)
  return inner.sequence('SubjectPublicKeyInfo', (r) => ({
    spki,
    publicKeyAlgorithm: algorithmIdentifier(r, 'SubjectPublicKeyInfo.algorithm'),
    subjectPublicKey: r.bitString('SubjectPublicKeyInfo.subjectPublicKey'),
  }))
}

const UNIQUE_IDS = [0x81, 0xa1, 0x82, 0xa2]

/** rsaEncryption (RFC 3279 §2.3.1). */
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1'
/** id-ecPublicKey (RFC 5480 §2.1.1). */
const EC_PUBLIC_KEY = '1.2.840.10045.2.1'
