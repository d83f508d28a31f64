import { DerError } from '../der/der-error.ts'
import { DerReader, type Span } from '../der/reader.ts'
import { contextConstructed, contextPrimitive, tags } from '../der/tag.ts'

/** One extension as it stands; its value is the content of extnValue. */
export interface Extension {
  /** Dotted form. */
  readonly oid: string
  readonly critical: boolean
  /** DER of the value, unread. */
  readonly value: Uint8Array
}

/** The extensions of a certificate that OCSP looks at (RFC 5280 §4.2, RFC 6960 §4.2.2.2, RFC 7633). */
export interface Extensions {
  readonly all: readonly Extension[]
  /** id-ad-ocsp locations of the AuthorityInfoAccess, in order; only those that are URIs. */
  readonly ocspUrls: readonly string[]
  /** id-ad-caIssuers locations, in order. */
  readonly caIssuersUrls: readonly string[]
  /** URIs of the CRLDistributionPoints extension. */
  readonly crlUrls: readonly string[]
  /** OIDs of ExtendedKeyUsage, `undefined` where the extension is absent. */
  readonly extendedKeyUsage: readonly string[] | undefined
  /** Whether BasicConstraints says cA. */
  readonly isCa: boolean
  /** Features of the TLS Feature extension: 5 is status_request, which makes the certificate must-staple. */
  readonly tlsFeatures: readonly number[] | undefined
  /** dNSName entries of the SubjectAltName. */
  readonly dnsNames: readonly string[]
  readonly subjectKeyIdentifier: Uint8Array | undefined
  readonly authorityKeyIdentifier: Uint8Array | undefined
  /** Extensions whose value could not be read, and why. */
  readonly malformed: readonly { readonly oid: string; readonly problem: string }[]
}

/** OIDs of the extensions that are read here. */
export const extensionOids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',
} as const

/** id-kp-OCSPSigning (RFC 6960 §4.2.2.2). */
export const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'

/** The status_request TLS extension as RFC 7633 lists it. */
export const STATUS_REQUEST = 5

/** Whether the TLS Feature extension asks for a staple in every handshake (RFC 7633 §4.2.3). */
export function isMustStaple({ tlsFeatures }: Extensions): boolean {
  return tlsFeatures?.includes(STATUS_REQUEST) ?? false
}

/** The extension with this OID, `undefined` where there is none. */
export function findExtension({ all }: Extensions, oid: string): Extension | undefined {
  return all.find((extension) => extension.oid === oid)
}

/** Reads `[3] EXPLICIT Extensions OPTIONAL` at the end of a TBSCertificate. */
export function extensions(reader: DerReader): Extensions {
  const all =
    reader.optional(contextConstructed(3), 'TBSCertificate.extensions', extensionList) ?? []
  const malformed: { oid: string; problem: string }[] = []
  function value<T>(oid: string, read: (r: DerReader) => T): T | undefined {
    const found = all.find((extension) => extension.oid === oid)
    if (found === undefined) return undefined
    try {
      return read(new DerReader(found.value))
    } catch (error) {
      if (!(error instanceof DerError)) throw error
      malformed.push({ oid, problem: error.message })
      return undefined
    }
  }
  const access = value(extensionOids.authorityInfoAccess, accessDescriptions) ?? []
  const urls = (method: string) => access.filter((a) => a.method === method).map((a) => a.url)
  return {
    all,
    ocspUrls: urls(ID_AD_OCSP),
    caIssuersUrls: urls(ID_AD_CA_ISSUERS),
    crlUrls: value(extensionOids.crlDistributionPoints, distributionPoints) ?? [],
    extendedKeyUsage: value(extensionOids.extendedKeyUsage, keyPurposes),
    isCa: value(extensionOids.basicConstraints, basicConstraints) ?? false,
    tlsFeatures: value(extensionOids.tlsFeature, features),
    dnsNames: value(extensionOids.subjectAltName, dnsNames) ?? [],
    subjectKeyIdentifier: value(extensionOids.subjectKeyIdentifier, (r) =>
      view(r, r.octetString('SubjectKeyIdentifier')),
    ),
    authorityKeyIdentifier: value(extensionOids.authorityKeyIdentifier, keyIdentifier),
    malformed,
  }
}

/** Reads `Extensions ::= SEQUENCE OF Extension` of a certificate or an OCSP response. */
export function extensionList(reader: DerReader): Extension[] {
  const offset = reader.position
  const list = reader.sequence('Extensions', (r) => r.all('Extensions', MAX_EXTENSIONS, extension))
  if (list.length === 0) reader.note('empty-sequence', 'Extensions', offset, 'empty Extensions')
  return list
}

// Extension ::= SEQUENCE {
//   extnID     OBJECT IDENTIFIER,
//   critical   BOOLEAN DEFAULT FALSE,
//   extnValue  OCTET STRING }                          RFC 5280 §4.1
function extension(reader: DerReader): Extension {
  return reader.sequence('Extension', (r) => {
    const oid = r.oid('Extension.extnID')
    const offset = r.position
    const written = r.has(tags.boolean)
    const critical = written && r.boolean('Extension.critical')
    if (written && !critical) {
      r.note('default-encoded', 'Extension.critical', offset, 'critical FALSE written out')
    }
    return { oid, critical, value: view(r, r.octetString('Extension.extnValue')) }
  })
}

// AccessDescription ::= SEQUENCE { accessMethod OBJECT IDENTIFIER, accessLocation GeneralName }   RFC 5280 §4.2.2.1
function accessDescriptions(reader: DerReader): { method: string; url: string }[] {
  return reader
    .sequence('AuthorityInfoAccess', (list) =>
      list.all('AuthorityInfoAccess', MAX_EXTENSIONS, (entry) =>
        entry.sequence('AccessDescription', (r) => ({
          method: r.oid('AccessDescription.accessMethod'),
          url: uri(r, 'AccessDescription.accessLocation'),
        })),
      ),
    )
    .flatMap(({ method, url }) => (url === undefined ? [] : [{ method, url }]))
}

// DistributionPoint ::= SEQUENCE { distributionPoint [0] { fullName [0] GeneralNames }, ... }   RFC 5280 §4.2.1.13
function distributionPoints(reader: DerReader): string[] {
  const point = (r: DerReader): string[] =>
    r.sequence('DistributionPoint', (fields) => {
      const urls = fields.optional(contextConstructed(0), 'distributionPoint', (p) =>
        p.optional(contextConstructed(0), 'fullName', (names) =>
          names.all('fullName', MAX_NAMES, (n) => uri(n, 'fullName')),
        ),
      )
      while (!fields.done) fields.any('DistributionPoint')
      return (urls ?? []).filter((url) => url !== undefined)
    })
  return reader
    .sequence('CRLDistributionPoints', (r) => r.all('CRLDistributionPoints', MAX_NAMES, point))
    .flat()
}

function keyPurposes(reader: DerReader): string[] {
  return reader.sequence('ExtendedKeyUsage', (r) =>
    r.all('ExtendedKeyUsage', MAX_NAMES, (purpose) => purpose.oid('KeyPurposeId')),
  )
}

function basicConstraints(reader: DerReader): boolean {
  return reader.sequence('BasicConstraints', (r) => {
    const isCa = r.has(tags.boolean) && r.boolean('BasicConstraints.cA')
    while (!r.done) r.any('BasicConstraints')
    return isCa
  })
}

// Features ::= SEQUENCE OF INTEGER                     RFC 7633 §4.1
function features(reader: DerReader): number[] {
  return reader.sequence('Features', (r) =>
    r.all('Features', MAX_NAMES, (feature) => feature.smallInteger('Features')),
  )
}

function dnsNames(reader: DerReader): string[] {
  const names = reader.sequence('SubjectAltName', (r) =>
    r.all('SubjectAltName', MAX_NAMES, (n) => {
      const { tag, contentStart: start, contentEnd: end } = n.any('GeneralName')
      return tag === contextPrimitive(2) ? latin1(n, { start, end }) : undefined
    }),
  )
  return names.filter((name) => name !== undefined)
}

function keyIdentifier(reader: DerReader): Uint8Array | undefined {
  return reader.sequence('AuthorityKeyIdentifier', (r) => {
    const id = r.has(contextPrimitive(0))
      ? view(r, r.content(contextPrimitive(0), 'AuthorityKeyIdentifier.keyIdentifier'))
      : undefined
    while (!r.done) r.any('AuthorityKeyIdentifier')
    return id
  })
}

/** A GeneralName where it is a URI; any other kind is stepped over. */
function uri(reader: DerReader, field: string): string | undefined {
  const { tag, contentStart: start, contentEnd: end } = reader.any(field)
  return tag === contextPrimitive(6) ? latin1(reader, { start, end }) : undefined
}

function latin1({ bytes }: DerReader, { start, end }: Span): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}

function view({ bytes }: DerReader, { start, end }: Span): Uint8Array {
  return bytes.subarray(start, end)
}

const ID_AD_OCSP = '1.3.6.1.5.5.7.48.1'
const ID_AD_CA_ISSUERS = '1.3.6.1.5.5.7.48.2'
const MAX_EXTENSIONS = 64
/** Let's Encrypt allows 100 names, some CDNs put several hundred into one certificate. */
const MAX_NAMES = 10_000
