import { CONSTRUCTED, tags } from '../../der/tag.ts'
import { concat, tlv } from '../../der/writer.ts'

/** An element of BER that can be changed, unlike what the reader gives: a tag, and what is inside. */
export interface MutableElement {
  tag: number
  /** Elements where the tag says so, and where an OCTET STRING holds exactly one SEQUENCE. */
  content: Uint8Array | MutableElement[]
  /** How the length is written. Default: DER. `wrong`: one more than there is. */
  length?: 'long' | 'indefinite' | 'wrong'
}

/** Reads any DER as a tree; what is none becomes plain content. */
export function readTree(der: Uint8Array): MutableElement[] | undefined {
  const elements: MutableElement[] = []
  for (let at = 0; at < der.length; ) {
    const header = headerAt(der, at)
    if (header === undefined || header.end > der.length) return undefined
    const content = der.subarray(header.contentStart, header.end)
    elements.push({ tag: header.tag, content: nested(header.tag, content) ?? content })
    at = header.end
  }
  return elements
}

/** The bytes of a tree. */
export function writeTree({ tag, content, length }: MutableElement): Uint8Array {
  const inner = content instanceof Uint8Array ? content : concat(content.map(writeTree))
  switch (length) {
    case 'long':
      return concat([Uint8Array.of(tag, 0x84), lengthIn4(inner.length), inner])
    case 'wrong':
      return concat([Uint8Array.of(tag, 0x82), lengthIn4(inner.length + 1).subarray(2), inner])
    case 'indefinite':
      return concat([Uint8Array.of(tag, 0x80), inner, Uint8Array.of(0, 0)])
  }
  return tlv(tag, inner)
}

/** A tree of its own, which changes to the other leave alone. */
export function copyTree({ tag, content, length }: MutableElement): MutableElement {
  const copy = content instanceof Uint8Array ? Uint8Array.from(content) : content.map(copyTree)
  return { tag, content: copy, ...(length === undefined ? {} : { length }) }
}

/** The element and all inside of it. */
export function allInside(element: MutableElement): MutableElement[] {
  if (element.content instanceof Uint8Array) return [element]
  return [element, ...element.content.flatMap(allInside)]
}

function nested(tag: number, content: Uint8Array): MutableElement[] | undefined {
  if ((tag & CONSTRUCTED) !== 0) return readTree(content)
  if (tag !== tags.octetString || content[0] !== tags.sequence) return undefined
  const elements = readTree(content)
  return elements?.length === 1 ? elements : undefined
}

function headerAt(
  der: Uint8Array,
  at: number,
): { tag: number; contentStart: number; end: number } | undefined {
  const [tag, first] = der.subarray(at, at + 2)
  if (tag === undefined || first === undefined) return undefined
  if (first < 0x80) return { tag, contentStart: at + 2, end: at + 2 + first }
  const octets = der.subarray(at + 2, at + 2 + (first & 0x7f))
  if (first === 0x80 || octets.length > 4) return undefined
  const length = octets.reduce((sum, octet) => sum * 256 + octet, 0)
  return { tag, contentStart: at + 2 + octets.length, end: at + 2 + octets.length + length }
}

function lengthIn4(length: number): Uint8Array {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(length)
  return octets
}
