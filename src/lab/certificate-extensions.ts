import { tags } from '../der/tag.ts'
import {
  bitString,
  booleanTrue,
  derNull,
  explicit,
  implicit,
  octetString,
  oid,
  sequence,
  smallInteger,
  tlv,
} from '../der/writer.ts'
import { extensionOids } from '../x509/extensions.ts'

/** How `critical` is written; a number is the content octet of the BOOLEAN, whatever it means. */
export type Criticality = 'critical' | 'non-critical' | number

/** One Extension (DER) of a certificate or a response; `value` is the content of extnValue, taken as it is. */
export function extension(
  id: string,
  value: Uint8Array,
  critical: Criticality = 'non-critical',
): Uint8Array {
  const octet = critical === 'critical' ? 0xff : critical
  const written = octet === 'non-critical' ? [] : [tlv(tags.boolean, Uint8Array.of(octet))]
  return sequence(oid(id), ...written, octetString(value))
}

/** Bits of KeyUsage (RFC 5280 §4.2.1.3). */
export type KeyUsage =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'keyCertSign'
  | 'cRLSign'

export function keyUsage(usages: readonly KeyUsage[]): Uint8Array {
  const bits = usages.reduce((all, usage) => all | KEY_USAGE_BITS[usage], 0)
  const unusedBits = Math.clz32(bits & -bits) ^ 31
  return extension(extensionOids.keyUsage, bitString(Uint8Array.of(bits), unusedBits), 'critical')
}

export function basicConstraints(isCa: boolean): Uint8Array {
  const value = sequence(...(isCa ? [booleanTrue()] : []))
  return extension(extensionOids.basicConstraints, value, 'critical')
}

/** ExtendedKeyUsage of the purposes given as OIDs. */
export function extendedKeyUsage(
  purposes: readonly string[],
  critical: 'critical' | 'non-critical' = 'non-critical',
): Uint8Array {
  return extension(extensionOids.extendedKeyUsage, sequence(...purposes.map(oid)), critical)
}

/** id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1). */
export function ocspNoCheck(critical: 'critical' | 'non-critical'): Uint8Array {
  return extension(extensionOids.ocspNoCheck, derNull(), critical)
}

/** AuthorityInfoAccess with OCSP and caIssuers URLs in the order given. */
export function authorityInfoAccess(
  ocspUrls: readonly string[],
  caIssuersUrls: readonly string[],
): Uint8Array {
  const descriptions = [
    ...ocspUrls.map((url) => sequence(oid(ID_AD_OCSP), uri(url))),
    ...caIssuersUrls.map((url) => sequence(oid(ID_AD_CA_ISSUERS), uri(url))),
  ]
  return extension(extensionOids.authorityInfoAccess, sequence(...descriptions))
}

/** CRLDistributionPoints with one point for each URL. */
export function crlDistributionPoints(urls: readonly string[]): Uint8Array {
  const points = urls.map((url) => sequence(explicit(0, explicit(0, uri(url)))))
  return extension(extensionOids.crlDistributionPoints, sequence(...points))
}

/** The TLS Feature extension (RFC 7633); `[5]` makes a certificate must-staple. */
export function tlsFeature(features: readonly number[]): Uint8Array {
  return extension(extensionOids.tlsFeature, sequence(...features.map(smallInteger)))
}

export function subjectAltName(dnsNames: readonly string[]): Uint8Array {
  const names = dnsNames.map((name) => implicit(2, Buffer.from(name, 'latin1')))
  return extension(extensionOids.subjectAltName, sequence(...names))
}

export function subjectKeyIdentifier(id: Uint8Array): Uint8Array {
  return extension(extensionOids.subjectKeyIdentifier, tlv(tags.octetString, id))
}

export function authorityKeyIdentifier(id: Uint8Array): Uint8Array {
  return extension(extensionOids.authorityKeyIdentifier, sequence(implicit(0, id)))
}

function uri(url: string): Uint8Array {
  return implicit(6, Buffer.from(url, 'latin1'))
}

const KEY_USAGE_BITS: Record<KeyUsage, number> = {
  digitalSignature: 0x80,
  nonRepudiation: 0x40,
  keyEncipherment: 0x20,
  keyCertSign: 0x04,
  cRLSign: 0x02,
}
const ID_AD_OCSP = '1.3.6.1.5.5.7.48.1'
const ID_AD_CA_ISSUERS = '1.3.6.1.5.5.7.48.2'
