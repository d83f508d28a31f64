import { oidContent } from './oid.ts'
import { contextConstructed, contextPrimitive, tags } from './tag.ts'
import { type EpochMs, toCalendar } from './time.ts'

/** One DER TLV: `tag`, the minimal length, and `parts` one after the other as content. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concat(parts)
  return concat([Uint8Array.of(tag, ...lengthOctets(content.length)), content])
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tlv(tags.sequence, ...parts)
}

/** A SET of one element, or of elements already in DER order (X.690 §10.3). */
export function set(...parts: readonly Uint8Array[]): Uint8Array {
  return tlv(tags.set, ...parts)
}

/** `[number] EXPLICIT` around `parts`. */
export function explicit(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return tlv(contextConstructed(number), ...parts)
}

/** `[number] IMPLICIT` of a primitive type with this content. */
export function implicit(number: number, content: Uint8Array): Uint8Array {
  return tlv(contextPrimitive(number), content)
}

/** An INTEGER from its content octets, written exactly as given: two's complement, big-endian. */
export function integer(content: Uint8Array): Uint8Array {
  return tlv(tags.integer, content)
}

/** An INTEGER from 0 to 127, as versions are. */
export function smallInteger(value: number): Uint8Array {
  return integer(Uint8Array.of(value))
}

export function enumerated(value: number): Uint8Array {
  return tlv(tags.enumerated, Uint8Array.of(value))
}

/** BOOLEAN TRUE; FALSE is never written, as DER omits defaults. */
export function booleanTrue(): Uint8Array {
  return tlv(tags.boolean, Uint8Array.of(0xff))
}

export function derNull(): Uint8Array {
  return tlv(tags.null)
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function oid(text: string): Uint8Array {
  return tlv(tags.oid, oidContent(text))
}

export function octetString(...parts: readonly Uint8Array[]): Uint8Array {
  return tlv(tags.octetString, ...parts)
}

/** A BIT STRING of whole octets, unless `unusedBits` says otherwise. */
export function bitString(content: Uint8Array, unusedBits = 0): Uint8Array {
  return tlv(tags.bitString, Uint8Array.of(unusedBits), content)
}

/** A string type by its tag: `tags.utf8String`, `tags.printableString`, `tags.ia5String`. */
export function text(tag: number, value: string): Uint8Array {
  return tlv(tag, Buffer.from(value, 'utf8'))
}

/** `YYYYMMDDHHMMSSZ` in UTC, milliseconds dropped (RFC 5280 §4.1.2.5.2). */
export function generalizedTime(at: EpochMs): Uint8Array {
  const { year, month, day, hour, minute, second } = toCalendar(at)
  const two = (value: number) => String(value).padStart(2, '0')
  const date = String(year).padStart(4, '0') + two(month) + two(day)
  return text(tags.generalizedTime, `${date}${two(hour)}${two(minute)}${two(second)}Z`)
}

/** The parts one after the other in one new array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts)
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length]
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return [0x80 | octets.length, ...octets]
}
