import { type DerReader, type Malformed, readWhole } from '../der/reader.ts'
import { contextConstructed, tags } from '../der/tag.ts'

/**
 * The certificates (DER) in a degenerate PKCS #7 message, which is how some CAs publish their issuers (`.p7c`, RFC 5280 §4.2.2.1); empty where
 * the message is of another kind.
 */
// ContentInfo ::= SEQUENCE {
//   contentType  OBJECT IDENTIFIER,
//   content  [0] EXPLICIT ANY DEFINED BY contentType OPTIONAL }   RFC 5652 §3
export function certificatesInCertsOnly(bytes: Uint8Array): readonly Uint8Array[] | Malformed {
  return readWhole(bytes, 'ContentInfo', (reader) =>
    reader.sequence('ContentInfo', (r) => {
      const isSignedData = r.oid('ContentInfo.contentType') === SIGNED_DATA
      if (isSignedData) return r.inside(CONTENT, 'ContentInfo.content', signedData)
      while (!r.done) r.any('ContentInfo.content')
      return []
    }),
  )
}

// SignedData ::= SEQUENCE {
//   version           CMSVersion,
//   digestAlgorithms  SET OF DigestAlgorithmIdentifier,
//   encapContentInfo  EncapsulatedContentInfo,
//   certificates  [0] IMPLICIT CertificateSet OPTIONAL,
//   crls          [1] IMPLICIT RevocationInfoChoices OPTIONAL,
//   signerInfos       SET OF SignerInfo }              RFC 5652 §5.1
function signedData(reader: DerReader): readonly Uint8Array[] {
  return reader.sequence('SignedData', (r) => {
    r.smallInteger('SignedData.version')
    r.content(tags.set, 'SignedData.digestAlgorithms')
    r.any('SignedData.encapContentInfo')
    const certificates = r.optional(CERTIFICATES, 'SignedData.certificates', certificateSet)
    while (!r.done) r.any('SignedData.signerInfos')
    return certificates ?? []
  })
}

function certificateSet(r: DerReader): readonly Uint8Array[] {
  return r.all('SignedData.certificates', MAX_CERTIFICATES, () => {
    const { start, end } = r.any('Certificate')
    return r.bytes.subarray(start, end)
  })
}

const CONTENT = contextConstructed(0)
const CERTIFICATES = contextConstructed(0)
/** id-signedData (RFC 5652 §5.1). */
const SIGNED_DATA = '1.2.840.113549.1.7.2'
/** The US Federal PKI publishes bundles of some 40 cross certificates; the body is capped at 64 KiB anyway. */
const MAX_CERTIFICATES = 128
