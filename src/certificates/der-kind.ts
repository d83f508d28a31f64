import { type DerReader, readWhole } from '../der/reader.ts'
import { contextConstructed, contextPrimitive, tags } from '../der/tag.ts'

/**
 * What DER that is not a certificate looks like, in words, judged by its outermost fields alone; `undefined` where it is nothing known.
 * The content of a private key is not looked at.
 */
export function derKind(der: Uint8Array): string | undefined {
  const kind = readWhole(der, 'file', (r) => r.sequence('file', outermost))
  return typeof kind === 'string' ? kind : undefined
}

function outermost(reader: DerReader): string | undefined {
  const first = reader.any('file')
  const second = reader.done ? undefined : reader.any('file')
  while (!reader.done) reader.any('file')
  const at = ({ contentStart, contentEnd }: { contentStart: number; contentEnd: number }) =>
    reader.bytes.subarray(contentStart, contentEnd)
  switch (first.tag) {
    case tags.enumerated:
      return 'an OCSP response'
    case tags.oid:
      return 'PKCS#7'
    case tags.integer:
      return at(first)[0] === PKCS12_VERSION ? 'PKCS#12' : 'a private key'
    case tags.sequence:
      return signedKind(tagsInside(at(first)), second?.tag)
    default:
      return undefined
  }
}

/** By the tags of the first field's own fields and the tag of the second field. */
function signedKind(inner: readonly number[], second: number | undefined): string | undefined {
  const [a, b, c, d] = inner
  const isTime = (tag: number | undefined) => tag === tags.utcTime || tag === tags.generalizedTime
  if (a === tags.oid)
    return second === tags.octetString ? 'an encrypted private key' : 'a public key'
  if (a === tags.integer && b === tags.sequence && c === tags.sequence && isTime(d)) return 'a CRL'
  if (a === tags.sequence && b === tags.sequence && isTime(c)) return 'a CRL'
  if (a === tags.integer && b === tags.sequence && c === tags.sequence) {
    return d === contextConstructed(0) || d === contextPrimitive(0) || d === undefined
      ? 'a certificate request'
      : undefined
  }
  return undefined
}

function tagsInside(content: Uint8Array): readonly number[] {
  const elements = readWhole(content, 'file', (r) =>
    r.all('file', MAX_FIELDS, (e) => e.any('file').tag),
  )
  return Array.isArray(elements) ? elements : []
}

/** `version` of a PFX (RFC 7292 §4); private keys have 0, 1 or 2. */
const PKCS12_VERSION = 3
/** A TBSCertificate has 10 fields at most. */
const MAX_FIELDS = 16
