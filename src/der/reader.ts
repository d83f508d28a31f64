import { DerError } from './der-error.ts'
import { dottedOid, oidText } from './oid.ts'
import type { Sloppiness } from './sloppiness.ts'
import { CONSTRUCTED, tagName, tags } from './tag.ts'
import type { EpochMs } from './time.ts'
import {
  looseGeneralizedTime,
  readUtcTime,
  strictGeneralizedTime,
  type TimeText,
} from './time-text.ts'

/** A part of the reader's bytes, as offsets: `bytes.subarray(start, end)`. Nothing is copied until asked. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** One complete TLV: `start` to `end` with its header, `contentStart` to `contentEnd` without. */
export interface Element extends Span {
  readonly tag: number
  readonly contentStart: number
  readonly contentEnd: number
}

/** A BIT STRING: its octets, and how many bits of the last one do not count. */
export interface BitString extends Span {
  readonly unusedBits: number
}

/** What {@link readWhole} gives for bytes that cannot be read. */
export interface Malformed {
  readonly kind: 'malformed'
  readonly problem: string
  readonly field: string
  readonly offset: number
}

/**
 * Reads `bytes` with `read` from the first to the last. The only place that catches a {@link DerError}: it
 * becomes a {@link Malformed} value. Bytes that `read` leaves over are noted as `trailing-bytes`.
 */
export function readWhole<T>(
  bytes: Uint8Array,
  field: string,
  read: (reader: DerReader) => T,
): T | Malformed {
  const reader = new DerReader(bytes)
  try {
    const value = read(reader)
    reader.noteTrailing(field)
    return value
  } catch (error) {
    if (!(error instanceof DerError)) throw error
    return { kind: 'malformed', problem: error.problem, field: error.field, offset: error.offset }
  }
}

/** Nesting at which reading stops. A response with a certificate inside needs 14. */
const MAX_DEPTH = 48

/**
 * Reads DER forward without copying, and BER as far as responders are known to send it: lengths and INTEGERs that are not
 * minimal, indefinite lengths, bytes after the end. Each such finding is added to {@link DerReader.sloppiness}.
 * Every method throws {@link DerError} and nothing else, in time linear in the input.
 */
export class DerReader {
  readonly bytes: Uint8Array
  readonly sloppiness: Sloppiness[] = []
  #position = 0
  #end: number
  #depth = 0
  // The element whose header was read last; fields rather than an object, as this is the hot path.
  #tag = 0
  #contentStart = 0
  #contentEnd = 0
  #next = 0

  /** A reader of `bytes[start, end)`; offsets in spans, findings and errors count from the start of `bytes`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    // Views of a Buffer cost three times those of a plain Uint8Array.
    this.bytes =
      bytes instanceof Buffer
        ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        : bytes
    this.#position = start
    this.#end = end
  }

  /** Offset of the next octet to be read. */
  get position(): number {
    return this.#position
  }

  /** Whether nothing is left of the value being read. */
  get done(): boolean {
    return this.#position >= this.#end
  }

  /** Whether the next element has this tag. */
  has(tag: number): boolean {
    return this.#position < this.#end && this.bytes[this.#position] === tag
  }

  /** Reads into an element with this tag; `read` takes its content. Works for a SEQUENCE as for an OCTET STRING that wraps DER. */
  inside<T>(tag: number, field: string, read: (reader: DerReader) => T): T {
    this.#header(tag, field)
    if (++this.#depth > MAX_DEPTH) this.#fail(`nesting deeper than ${MAX_DEPTH}`, field)
    const outerEnd = this.#end
    const next = this.#next
    this.#position = this.#contentStart
    this.#end = this.#contentEnd
    const value = read(this)
    if (this.#position !== this.#end) this.noteTrailing(field)
    this.#position = next
    this.#end = outerEnd
    this.#depth--
    return value
  }

  /** As {@link inside}, with the tag of a SEQUENCE. */
  sequence<T>(field: string, read: (reader: DerReader) => T): T {
    return this.inside(tags.sequence, field, read)
  }

  /** As {@link inside} where the next element has this tag, else `undefined`. */
  optional<T>(tag: number, field: string, read: (reader: DerReader) => T): T | undefined {
    return this.has(tag) ? this.inside(tag, field, read) : undefined
  }

  /** Every element left in the value being read, each read with `read`; at most `limit`. */
  all<T>(field: string, limit: number, read: (reader: DerReader) => T): T[] {
    if (this.#position >= this.#end) return []
    // An array that begins with its first value takes that much memory, an empty one that grows seventeen times as much.
    const values = [read(this)]
    while (this.#position < this.#end) {
      if (values.length === limit) this.#fail(`more than ${limit} elements`, field)
      values.push(read(this))
    }
    return values
  }

  /** The next element whole, whatever its tag; its content is not looked at. */
  any(field: string): Element {
    const start = this.#position
    this.#whatever(field)
    return {
      tag: this.#tag,
      start,
      end: this.#next,
      contentStart: this.#contentStart,
      contentEnd: this.#contentEnd,
    }
  }

  /** The content of the next element, which must have this tag. */
  content(tag: number, field: string): Span {
    this.#element(tag, field)
    return { start: this.#contentStart, end: this.#contentEnd }
  }

  /** Whether the next element is NULL; whatever it is, it is read. */
  null(field: string): boolean {
    this.#whatever(field)
    return this.#tag === tags.null && this.#contentStart === this.#contentEnd
  }

  octetString(field: string): Span {
    return this.content(tags.octetString, field)
  }

  bitString(field: string): BitString {
    this.#element(tags.bitString, field)
    const start = this.#contentStart
    const end = this.#contentEnd
    const unusedBits = this.bytes[start]
    if (end === start || unusedBits === undefined || unusedBits > 7) {
      this.#fail('BIT STRING without a count of unused bits', field, start)
    }
    return { start: start + 1, end, unusedBits }
  }

  /** The content octets of an INTEGER, two's complement, big-endian, exactly as encoded. */
  integer(field: string, tag: number = tags.integer): Span {
    this.#integer(field, tag)
    return { start: this.#contentStart, end: this.#contentEnd }
  }

  /** An INTEGER or ENUMERATED as a number; fails outside of -2^31 to 2^31-1. */
  smallInteger(field: string, tag: number = tags.integer): number {
    this.#integer(field, tag)
    const start = this.#contentStart
    const end = this.#contentEnd
    if (end - start > 4) this.#fail('INTEGER too large', field, start)
    let value = (this.bytes[start] ?? 0) > 0x7f ? -1 : 0
    for (let i = start; i < end; i++) value = (value << 8) | (this.bytes[i] ?? 0)
    return value
  }

  /** An OBJECT IDENTIFIER in dotted form. */
  oid(field: string): string {
    this.#element(tags.oid, field)
    const start = this.#contentStart
    const end = this.#contentEnd
    if (end === start || (this.bytes[end - 1] ?? 0) > 0x7f) {
      this.#fail('OBJECT IDENTIFIER cut short', field, start)
    }
    if (end - start > MAX_OID_OCTETS) this.#fail('OBJECT IDENTIFIER too long', field, start)
    return oidText(this.bytes, start, end) ?? this.#paddedOid(field, start, end)
  }

  boolean(field: string): boolean {
    const { start, end } = this.content(tags.boolean, field)
    if (end - start !== 1) this.#fail('BOOLEAN not of one octet', field, start)
    const octet = this.bytes[start] ?? 0
    if (octet !== 0 && octet !== 0xff) {
      const hex = octet.toString(16).toUpperCase().padStart(2, '0')
      this.note('boolean-not-ff', field, start, `BOOLEAN TRUE encoded as ${hex}`)
    }
    return octet !== 0
  }

  generalizedTime(field: string): EpochMs {
    this.#element(tags.generalizedTime, field)
    const start = this.#contentStart
    const end = this.#contentEnd
    const strict = strictGeneralizedTime(this.bytes, start, end)
    if (strict !== undefined) return strict
    const time = looseGeneralizedTime(this.bytes, start, end)
    return this.#time(time, 'GeneralizedTime', field, start, end)
  }

  /** UTCTime or GeneralizedTime, as certificates use them (RFC 5280 §4.1.2.5). */
  time(field: string): EpochMs {
    if (!this.has(tags.utcTime)) return this.generalizedTime(field)
    const { start, end } = this.content(tags.utcTime, field)
    return this.#time(readUtcTime(this.bytes, start, end), 'UTCTime', field, start, end)
  }

  /** Adds a finding; for productions that see more than the encoding of one element. */
  note(kind: Sloppiness['kind'], field: string, offset: number, saw: string): void {
    if (this.sloppiness.length < MAX_NOTES) this.sloppiness.push({ kind, field, offset, saw })
  }

  /** Notes what is left of the value being read, if anything. */
  noteTrailing(field: string): void {
    const left = this.#end - this.#position
    if (left > 0) {
      this.note(
        'trailing-bytes',
        field,
        this.#position,
        `${bytesOf(left)} after the end of ${field}`,
      )
    }
  }

  #time(
    time: TimeText | undefined,
    type: string,
    field: string,
    start: number,
    end: number,
  ): EpochMs {
    const text = () =>
      JSON.stringify(String.fromCharCode(...this.bytes.subarray(start, Math.min(end, start + 40))))
    if (time === undefined) this.#fail(`${type} ${text()} is not a time`, field, start)
    if (time.fault !== undefined) this.note(time.fault, field, start, `${type} ${text()}`)
    return time.at
  }

  #paddedOid(field: string, start: number, end: number): string {
    const text = dottedOid(this.bytes, start, end)
    this.note('non-minimal-oid', field, start, `OBJECT IDENTIFIER ${text} not minimally encoded`)
    return text
  }

  #integer(field: string, tag: number): void {
    this.#element(tag, field)
    const start = this.#contentStart
    const octets = this.#contentEnd - start
    if (octets === 0) this.#fail('INTEGER of no octets', field)
    const first = this.bytes[start] ?? 0
    const second = this.bytes[start + 1] ?? 0
    if (octets > 1 && (first === 0 ? second < 0x80 : first === 0xff && second > 0x7f)) {
      this.note('non-minimal-integer', field, start, 'INTEGER not minimally encoded')
    }
  }

  #whatever(field: string): void {
    if (this.done) this.#fail('value missing', field)
    this.#element(this.bytes[this.#position] ?? 0, field)
  }

  /** Reads the next element whole; where its content stands is then in the fields. */
  #element(tag: number, field: string): void {
    this.#header(tag, field)
    this.#position = this.#next
  }

  #header(expected: number, field: string): void {
    const start = this.#position
    const limit = this.#end
    const tag = this.bytes[start]
    if (start >= limit || tag === undefined) {
      this.#fail(`${tagName(expected)} missing`, field)
    }
    if (tag !== expected) {
      this.#fail(`${tagName(expected)} expected, ${tagName(tag)} found`, field)
    }
    if ((tag & 0x1f) === 0x1f) this.#fail('tag number above 30', field)
    this.#tag = tag
    const length = this.bytes[start + 1] ?? 0
    if (length < 0x80 && start + 1 < limit) {
      this.#contentStart = start + 2
      this.#contentEnd = this.#contentStart + length
      this.#next = this.#contentEnd
    } else {
      this.#longLength(start, field)
    }
    if (this.#next > limit) this.#overrun(tag, field)
  }

  #overrun(tag: number, field: string): never {
    const missing = bytesOf(this.#next - this.#end)
    const cut = `cut short, ${missing} missing`
    const how = this.#depth === 0 ? cut : `passes the end of what holds it by ${missing}`
    this.#fail(`${tagName(tag)} ${how}`, field)
  }

  #longLength(start: number, field: string): void {
    if (start + 1 >= this.#end) this.#fail('length missing', field)
    const octets = (this.bytes[start + 1] ?? 0) & 0x7f
    if (octets === 0) {
      if ((this.#tag & CONSTRUCTED) === 0) this.#fail('indefinite length of a primitive', field)
      this.note('indefinite-length', field, start, 'indefinite length')
      this.#contentStart = start + 2
      this.#contentEnd = this.#endOfContents(start + 2, this.#depth + 1, field)
      this.#next = this.#contentEnd + 2
      return
    }
    if (start + 2 + octets > this.#end) this.#fail('length cut short', field)
    const length = lengthValue(this.bytes, start + 2, octets)
    if (length > MAX_LENGTH) this.#fail('length of more than 2^31 bytes', field)
    if (length < 0x80 || this.bytes[start + 2] === 0) {
      this.note('non-minimal-length', field, start + 1, `length ${length} in ${octets + 1} octets`)
    }
    this.#contentStart = start + 2 + octets
    this.#contentEnd = this.#contentStart + length
    this.#next = this.#contentEnd
  }

  /** The offset of the end-of-contents octets that close an indefinite length begun before `position`. */
  #endOfContents(position: number, depth: number, field: string): number {
    if (depth > MAX_DEPTH) this.#fail(`nesting deeper than ${MAX_DEPTH}`, field)
    let at = position
    while (at + 1 < this.#end) {
      if (this.bytes[at] === 0 && this.bytes[at + 1] === 0) return at
      const octets = this.bytes[at + 1] ?? 0
      if (octets === 0x80) at = this.#endOfContents(at + 2, depth + 1, field) + 2
      else if (octets < 0x80) at += 2 + octets
      else at += 2 + (octets & 0x7f) + lengthValue(this.bytes, at + 2, octets & 0x7f)
    }
    this.#fail('indefinite length never ends', field)
  }

  #fail(problem: string, field: string, offset: number = this.#position): never {
    throw new DerError(problem, field, offset)
  }
}

function lengthValue(bytes: Uint8Array, start: number, octets: number): number {
  let value = 0
  for (let i = 0; i < octets; i++) value = value * 256 + (bytes[start + i] ?? 0)
  return value
}

function bytesOf(count: number): string {
  return `${count} byte${count === 1 ? '' : 's'}`
}

const MAX_LENGTH = 0x7fff_ffff
/** The longest OID that OpenSSL's own table has is 20 octets. */
const MAX_OID_OCTETS = 64
/** A response with more faults than this is not worth a longer list. */
const MAX_NOTES = 64
