/** Identifier octets of the universal types that OCSP and X.509 use (X.690 §8.1.2). */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** The bit of an identifier octet that says: made of further elements. */
export const CONSTRUCTED = 0x20

/** The identifier octet of `[number]` around a constructed value, EXPLICIT or IMPLICIT. */
export function contextConstructed(number: number): number {
  return 0xa0 | number
}

/** The identifier octet of `[number] IMPLICIT` of a primitive type. */
export function contextPrimitive(number: number): number {
  return 0x80 | number
}

/** The tag in the words of ASN.1: `SEQUENCE`, `[0]`, `tag 0x7F`. */
export function tagName(tag: number): string {
  const name = names.get(tag)
  if (name !== undefined) return name
  if ((tag & 0xc0) === 0x80 && (tag & 0x1f) !== 0x1f) return `[${tag & 0x1f}]`
  return `tag 0x${tag.toString(16).toUpperCase().padStart(2, '0')}`
}

const names = new Map<number, string>([
  [tags.boolean, 'BOOLEAN'],
  [tags.integer, 'INTEGER'],
  [tags.bitString, 'BIT STRING'],
  [tags.octetString, 'OCTET STRING'],
  [tags.null, 'NULL'],
  [tags.oid, 'OBJECT IDENTIFIER'],
  [tags.enumerated, 'ENUMERATED'],
  [tags.utf8String, 'UTF8String'],
  [tags.printableString, 'PrintableString'],
  [tags.teletexString, 'TeletexString'],
  [tags.ia5String, 'IA5String'],
  [tags.utcTime, 'UTCTime'],
  [tags.generalizedTime, 'GeneralizedTime'],
  [tags.sequence, 'SEQUENCE'],
  [tags.set, 'SET'],
])
