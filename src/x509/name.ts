import { type DerReader, readWhole } from '../der/reader.ts'
import { tags } from '../der/tag.ts'

/** One attribute of a Name: `2.5.4.3` and its text. */
interface Attribute {
  readonly oid: string
  readonly value: string
}

/** A Name (DER) as people write it, in the order encoded: `C=US, O=Example, CN=Example CA`. */
export function formatName(der: Uint8Array): string {
  const attributes = parseName(der)
  if (attributes === undefined) return '(unreadable name)'
  if (attributes.length === 0) return '(empty name)'
  return attributes.map(({ oid, value }) => `${shortNames.get(oid) ?? oid}=${value}`).join(', ')
}

/** The first common name of a Name (DER), `undefined` where it has none. */
export function commonName(der: Uint8Array): string | undefined {
  return parseName(der)?.find(({ oid }) => oid === COMMON_NAME)?.value
}

/**
 * A Name (DER) in a form that is equal for names which RFC 5280 §7.1 calls equal: string type, letter case and runs of spaces do not
 * count. `undefined` where the Name cannot be read.
 */
export function normalizedName(der: Uint8Array): string | undefined {
  const attributes = parseName(der)
  if (attributes === undefined) return undefined
  const fold = (value: string) => value.trim().replace(/\s+/g, ' ').toLowerCase()
  return JSON.stringify(attributes.map(({ oid, value }) => [oid, fold(value)]))
}

function parseName(der: Uint8Array): readonly Attribute[] | undefined {
  const name = readWhole(der, 'Name', rdnSequence)
  return 'kind' in name ? undefined : name
}

// Name ::= CHOICE { rdnSequence RDNSequence }
// RDNSequence ::= SEQUENCE OF RelativeDistinguishedName
// RelativeDistinguishedName ::= SET SIZE (1..MAX) OF AttributeTypeAndValue
// AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY }   RFC 5280 §4.1.2.4
function rdnSequence(reader: DerReader): Attribute[] {
  const sets = reader.sequence('Name', (r) =>
    r.all('Name', MAX_ATTRIBUTES, (rdn) =>
      rdn.inside(tags.set, 'RelativeDistinguishedName', (s) =>
        s.all('RelativeDistinguishedName', MAX_ATTRIBUTES, attribute),
      ),
    ),
  )
  return sets.flat()
}

function attribute(reader: DerReader): Attribute {
  return reader.sequence('AttributeTypeAndValue', (r) => {
    const oid = r.oid('AttributeTypeAndValue.type')
    const { tag, contentStart, contentEnd } = r.any('AttributeTypeAndValue.value')
    return { oid, value: decode(tag, r.bytes.subarray(contentStart, contentEnd)) }
  })
}

function decode(tag: number, content: Uint8Array): string {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length)
  switch (tag) {
    case tags.bmpString:
      return content.length % 2 === 0 ? Buffer.from(bytes).swap16().toString('utf16le') : hex(bytes)
    case tags.utf8String:
      return bytes.toString('utf8')
    case tags.printableString:
    case tags.ia5String:
    case tags.teletexString:
      return bytes.toString('latin1')
    default:
      return hex(bytes)
  }
}

function hex(bytes: Buffer): string {
  return `#${bytes.toString('hex')}`
}

const COMMON_NAME = '2.5.4.3'
const MAX_ATTRIBUTES = 64
const shortNames = new Map([
  [COMMON_NAME, 'CN'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', 'street'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.97', 'organizationIdentifier'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['1.2.840.113549.1.9.1', 'emailAddress'],
])
