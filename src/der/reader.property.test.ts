import { array, assert, constantFrom, date, integer, property, tuple, uint8Array } from 'fast-check'
import { expect, it, test } from 'vitest'
import { DerError } from './der-error.ts'
import { oidContent, oidText } from './oid.ts'
import { DerReader, readWhole } from './reader.ts'
import { tags } from './tag.ts'
import { epochMs, fromCalendar, toCalendar } from './time.ts'
import { generalizedTime, octetString, oid, sequence, tlv } from './writer.ts'

const { SLOW } = process.env
const numRuns = SLOW ? 100_000 : 1_000

/** Reads everything that can be read, in the manner of a schema that takes any type anywhere; returns the number of steps. */
function readAnything(reader: DerReader): number {
  let steps = 0
  while (!reader.done) {
    steps++
    if (reader.has(tags.sequence) || reader.has(tags.set)) {
      steps += reader.inside(reader.has(tags.set) ? tags.set : tags.sequence, 'f', readAnything)
    } else if (reader.has(tags.integer)) reader.integer('f')
    else if (reader.has(tags.oid)) reader.oid('f')
    else if (reader.has(tags.utcTime) || reader.has(tags.generalizedTime)) {
      expect(reader.time('f')).not.toBeNaN()
    } else if (reader.has(tags.bitString)) reader.bitString('f')
    else if (reader.has(tags.boolean)) reader.boolean('f')
    else reader.any('f')
  }
  return steps
}

it('gives a value or its own error for any bytes, in steps no more than there are bytes', () => {
  // Octets that begin something come more often, so that reading goes deep.
  const octet = constantFrom(0x30, 0x31, 0x80, 0x00, 0x02, 0x03, 0x06, 0x17, 0x18, 0x81, 0x84, 0xff)
  const likely = array(octet, { maxLength: 200 }).map((octets) => Uint8Array.from(octets))
  for (const bytes of [uint8Array({ maxLength: 200 }), likely]) {
    assert(
      property(bytes, (input) => {
        const steps = readWhole(input, 'whole', readAnything)
        if (typeof steps === 'number') expect(steps).toBeLessThanOrEqual(input.length)
        else expect(steps.offset).toBeLessThanOrEqual(input.length)
      }),
      { numRuns },
    )
  }
})

it('never reads beyond the part that it was given', () => {
  assert(
    property(uint8Array({ maxLength: 60 }), uint8Array({ maxLength: 20 }), (inside, after) => {
      const whole = Buffer.concat([inside, after])
      const read = (reader: DerReader) => {
        try {
          return readAnything(reader)
        } catch (error) {
          return error instanceof DerError ? error.message : error
        }
      }
      expect(read(new DerReader(whole, 0, inside.length))).toEqual(read(new DerReader(inside)))
    }),
    { numRuns },
  )
})

test('a GeneralizedTime is read as it was written', () => {
  const whole = date({
    min: new Date('0000-01-01'),
    max: new Date('9999-12-31'),
    noInvalidDate: true,
  })
  assert(
    property(whole, (moment) => {
      const at = epochMs(Math.floor(moment.getTime() / 1000) * 1000)
      const reader = new DerReader(generalizedTime(at))
      expect(reader.time('f')).toBe(at)
      expect(reader.sloppiness).toEqual([])
      expect(fromCalendar(toCalendar(at))).toBe(at)
    }),
    { numRuns },
  )
})

test('an OBJECT IDENTIFIER is read as it was written', () => {
  const first = tuple(integer({ min: 0, max: 1 }), integer({ min: 0, max: 39 }))
  const joint = tuple(integer({ min: 2, max: 2 }), integer({ min: 0, max: 2 ** 31 - 1 }))
  const rest = array(integer({ min: 0, max: 2 ** 31 - 1 }), { maxLength: 8 })
  for (const start of [first, joint]) {
    assert(
      property(start, rest, (head, tail) => {
        const text = [...head, ...tail].join('.')
        const content = oidContent(text)
        expect(oidText(content, 0, content.length)).toBe(text)
        expect(new DerReader(oid(text)).oid('f')).toBe(text)
      }),
      { numRuns },
    )
  }
})

test('what is written is read without a note, of any length', () => {
  const length = integer({ min: 0, max: 70_000 })
  assert(
    property(length, length, (a, b) => {
      const der = sequence(octetString(new Uint8Array(a)), tlv(tags.utf8String, new Uint8Array(b)))
      const reader = new DerReader(der)
      const lengths = reader.sequence('f', (s) => [
        s.octetString('g'),
        s.content(tags.utf8String, 'h'),
      ])
      expect(lengths.map(({ start, end }) => end - start)).toEqual([a, b])
      expect(reader.sloppiness).toEqual([])
      expect(reader.done).toBe(true)
    }),
    { numRuns: numRuns / 10 },
  )
})
