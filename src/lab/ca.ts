import { createHash, createPublicKey, type KeyObject, randomBytes } from 'node:crypto'
import { DerReader } from '../der/reader.ts'
import { tags } from '../der/tag.ts'
import { type EpochMs, iso, toCalendar } from '../der/time.ts'
import {
  bitString,
  explicit,
  generalizedTime,
  integer,
  oid,
  sequence,
  set,
  smallInteger,
  text,
} from '../der/writer.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import {
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  crlDistributionPoints,
  extendedKeyUsage,
  type KeyUsage,
  keyUsage,
  ocspNoCheck,
  subjectAltName,
  subjectKeyIdentifier,
  tlsFeature,
} from './certificate-extensions.ts'
import { type SigningAlgorithm, signatureAlgorithm, signBytes, usualAlgorithm } from './signing.ts'

/** A certificate with its private key, in the forms that tests and servers ask for. */
export interface LabCertificate {
  readonly der: Uint8Array
  readonly pem: string
  /** As our own parser reads it. */
  readonly certificate: Certificate
  readonly key: KeyObject
  /** PKCS #8. */
  readonly keyPem: string
}

/** What a certificate says. Only the first four are needed; a knob that is `undefined` is as one left out. */
export interface CertificateKnobs {
  /** A common name, or a whole Name in DER. */
  readonly subject: string | Uint8Array
  /** The subject's private key. */
  readonly key: KeyObject
  readonly notBefore: EpochMs
  readonly notAfter: EpochMs
  /** Default: self-signed. */
  readonly issuer?: Pick<LabCertificate, 'certificate' | 'key'> | undefined
  /** The issuer field, where it is to differ from the issuer's subject. */
  readonly issuerName?: Uint8Array | undefined
  /** Content octets of the INTEGER, padding and all. Default: 16 random octets, positive. */
  readonly serialNumber?: Uint8Array | undefined
  /** Default: the usual one for the issuer's key, with SHA-256. */
  readonly signatureAlgorithm?: SigningAlgorithm | undefined
  readonly isCa?: boolean | undefined
  readonly keyUsage?: readonly KeyUsage[] | undefined
  /** OIDs. */
  readonly extendedKeyUsage?: readonly string[] | undefined
  /** Default: `non-critical`. */
  readonly extendedKeyUsageIs?: 'critical' | 'non-critical' | undefined
  readonly ocspNoCheck?: 'critical' | 'non-critical' | undefined
  readonly ocspUrls?: readonly string[] | undefined
  readonly caIssuersUrls?: readonly string[] | undefined
  readonly crlUrls?: readonly string[] | undefined
  readonly tlsFeatures?: readonly number[] | undefined
  readonly dnsNames?: readonly string[] | undefined
  /** Subject and authority key identifier. Default: present. */
  readonly keyIdentifiers?: 'present' | 'absent' | undefined
  /** Further extensions, each a whole Extension in DER; see `extension()`. */
  readonly extensions?: readonly Uint8Array[] | undefined
}

/** Makes and signs one certificate. */
// Certificate ::= SEQUENCE {
//   tbsCertificate      TBSCertificate,
//   signatureAlgorithm  AlgorithmIdentifier,
//   signatureValue      BIT STRING }                   RFC 5280 §4.1
export function makeCertificate(knobs: CertificateKnobs): LabCertificate {
  const signer = knobs.issuer?.key ?? knobs.key
  const algorithm = knobs.signatureAlgorithm ?? usualAlgorithm(signer)
  const tbs = tbsCertificate(knobs, algorithm)
  const signature = bitString(signBytes(algorithm, signer, tbs))
  const der = sequence(tbs, signatureAlgorithm(algorithm), signature)
  const certificate = parseCertificate(der)
  if ('kind' in certificate) throw new Error(`our own certificate is ${certificate.problem}`)
  return {
    der,
    pem: pem('CERTIFICATE', der),
    certificate,
    key: knobs.key,
    keyPem: knobs.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** A Name (DER) of an organization and a common name; the string type can be chosen, as mozilla::pkix compares names byte by byte. */
export function distinguishedName(
  commonName: string,
  stringTag: number = tags.utf8String,
): Uint8Array {
  const attribute = (type: string, value: string) =>
    set(sequence(oid(type), text(stringTag, value)))
  return sequence(attribute('2.5.4.10', 'everstaple lab'), attribute('2.5.4.3', commonName))
}

/** SHA-1 over the octets of subjectPublicKey: ResponderID byKey, issuerKeyHash and key identifiers (RFC 6960 §4.2.1). */
export function keyHash({ subjectPublicKey }: Certificate): Uint8Array {
  return sha1(subjectPublicKey)
}

/** PEM of one DER value. */
export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function tbsCertificate(knobs: CertificateKnobs, algorithm: SigningAlgorithm): Uint8Array {
  const { subject } = knobs
  const subjectName = typeof subject === 'string' ? distinguishedName(subject) : subject
  const spki = createPublicKey(knobs.key).export({ type: 'spki', format: 'der' })
  const extensions = extensionsOf(knobs, spki)
  return sequence(
    explicit(0, smallInteger(2)),
    integer(knobs.serialNumber ?? randomSerialNumber()),
    signatureAlgorithm(algorithm),
    knobs.issuerName ?? knobs.issuer?.certificate.subject ?? subjectName,
    sequence(time(knobs.notBefore), time(knobs.notAfter)),
    subjectName,
    spki,
    ...(extensions.length === 0 ? [] : [explicit(3, sequence(...extensions))]),
  )
}

function extensionsOf(knobs: CertificateKnobs, spki: Uint8Array): Uint8Array[] {
  const { ocspUrls = [], caIssuersUrls = [], crlUrls = [] } = knobs
  const own = sha1(subjectPublicKey(spki))
  const authority = knobs.issuer?.certificate.extensions.subjectKeyIdentifier
  const withIds = knobs.keyIdentifiers !== 'absent'
  const all = [
    knobs.isCa === undefined ? undefined : basicConstraints(knobs.isCa),
    knobs.keyUsage && keyUsage(knobs.keyUsage),
    knobs.extendedKeyUsage && extendedKeyUsage(knobs.extendedKeyUsage, knobs.extendedKeyUsageIs),
    knobs.ocspNoCheck && ocspNoCheck(knobs.ocspNoCheck),
    ocspUrls.length + caIssuersUrls.length > 0
      ? authorityInfoAccess(ocspUrls, caIssuersUrls)
      : undefined,
    crlUrls.length > 0 ? crlDistributionPoints(crlUrls) : undefined,
    knobs.tlsFeatures && tlsFeature(knobs.tlsFeatures),
    knobs.dnsNames && subjectAltName(knobs.dnsNames),
    withIds ? subjectKeyIdentifier(own) : undefined,
    withIds && authority ? authorityKeyIdentifier(authority) : undefined,
    ...(knobs.extensions ?? []),
  ]
  return all.filter((extension) => extension !== undefined)
}

/** The octets of the BIT STRING, whose SHA-1 is the key identifier (RFC 5280 §4.2.1.2, method 1), as OCSP has it too. */
function subjectPublicKey(spki: Uint8Array): Uint8Array {
  return new DerReader(spki).sequence('SubjectPublicKeyInfo', (r) => {
    r.any('SubjectPublicKeyInfo.algorithm')
    const { start, end } = r.bitString('SubjectPublicKeyInfo.subjectPublicKey')
    return spki.subarray(start, end)
  })
}

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash('sha1').update(bytes).digest()
}

/** UTCTime to the end of 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
function time(at: EpochMs): Uint8Array {
  const { year } = toCalendar(at)
  if (year < 1950 || year > 2049) return generalizedTime(at)
  return text(tags.utcTime, `${iso(at).replace(/\D/g, '').slice(2, 14)}Z`)
}

function randomSerialNumber(): Uint8Array {
  const octets = randomBytes(16)
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40
  return octets
}
