import { describe, expect, it, test } from 'vitest'
import { DerError } from './der-error.ts'
import { DerReader, readWhole } from './reader.ts'
import type { Sloppiness } from './sloppiness.ts'
import { tags } from './tag.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const ascii = (text: string) => Buffer.from(text, 'latin1').toString('hex')
/** A UTCTime or GeneralizedTime with this text. */
const time = (tag: '17' | '18', text: string) =>
  tag + text.length.toString(16).padStart(2, '0') + ascii(text)

/** What one read gives, spans as hex. */
function readOne(bytes: Uint8Array, read: (reader: DerReader) => unknown): unknown {
  const value = read(new DerReader(bytes))
  if (typeof value !== 'object' || value === null || !('start' in value)) return value
  const { start, end } = value as { start: number; end: number }
  return Buffer.from(bytes.subarray(start, end)).toString('hex')
}

describe('DerReader reads', () => {
  const cases: [string, string, (reader: DerReader) => unknown, unknown][] = [
    ['an INTEGER as encoded', '0202 00ff', (r) => r.integer('f'), '00ff'],
    ['a small INTEGER', '0201 7f', (r) => r.smallInteger('f'), 127],
    ['a negative INTEGER', '0202 ff7f', (r) => r.smallInteger('f'), -129],
    ['an ENUMERATED', '0a01 05', (r) => r.smallInteger('f', tags.enumerated), 5],
    ['the largest small INTEGER', '0204 7fffffff', (r) => r.smallInteger('f'), 2 ** 31 - 1],
    ['an OCTET STRING', '0402 abcd', (r) => r.octetString('f'), 'abcd'],
    ['a BIT STRING without its count', '0303 04abcd', (r) => r.bitString('f'), 'abcd'],
    ['an empty BIT STRING', '0301 00', (r) => r.bitString('f'), ''],
    ['an OBJECT IDENTIFIER', '0609 2b0601050507300101', (r) => r.oid('f'), '1.3.6.1.5.5.7.48.1.1'],
    ['TRUE', '0101 ff', (r) => r.boolean('f'), true],
    ['FALSE', '0101 00', (r) => r.boolean('f'), false],
    [
      'a GeneralizedTime',
      time('18', '20261125041000Z'),
      (r) => r.time('f'),
      Date.UTC(2026, 10, 25, 4, 10),
    ],
    [
      'a UTCTime of 1950 to 1999',
      time('17', '500101000000Z'),
      (r) => r.time('f'),
      Date.UTC(1950, 0, 1),
    ],
    [
      'a UTCTime of 2000 to 2049',
      time('17', '491231235959Z'),
      (r) => r.time('f'),
      Date.UTC(2049, 11, 31, 23, 59, 59),
    ],
    [
      '29 February of a leap year',
      time('18', '20240229000000Z'),
      (r) => r.time('f'),
      Date.UTC(2024, 1, 29),
    ],
    [
      'the content of a long length',
      `0481 80 ${'00'.repeat(128)}`,
      (r) => r.octetString('f'),
      '00'.repeat(128),
    ],
  ]
  test.each(cases)('%s', (_, input, read, expected) => {
    const reader = new DerReader(hex(input))
    read(reader)
    expect(reader.sloppiness).toEqual([])
    expect(reader.done).toBe(true)
    expect(readOne(hex(input), read)).toEqual(expected)
  })
})

describe('DerReader reads and notes', () => {
  const integerAt = (r: DerReader) => r.integer('f')
  const cases: [
    string,
    string,
    (r: DerReader) => unknown,
    unknown,
    Sloppiness['kind'],
    number,
    string,
  ][] = [
    [
      'a padded INTEGER',
      '0202 007f',
      integerAt,
      '007f',
      'non-minimal-integer',
      2,
      'INTEGER not minimally encoded',
    ],
    [
      'a padded negative INTEGER',
      '0202 ff80',
      integerAt,
      'ff80',
      'non-minimal-integer',
      2,
      'INTEGER not minimally encoded',
    ],
    [
      'an OBJECT IDENTIFIER with a padded number in it',
      '0604 2a 808648',
      (r) => r.oid('f'),
      '1.2.840',
      'non-minimal-oid',
      2,
      'OBJECT IDENTIFIER 1.2.840 not minimally encoded',
    ],
    [
      'an OBJECT IDENTIFIER with a padded number in front',
      '0603 80 2a03',
      (r) => r.oid('f'),
      '1.2.3',
      'non-minimal-oid',
      2,
      'OBJECT IDENTIFIER 1.2.3 not minimally encoded',
    ],
    [
      'a length in two octets',
      '0281 01 05',
      integerAt,
      '05',
      'non-minimal-length',
      1,
      'length 1 in 2 octets',
    ],
    [
      'a length with a leading zero',
      `0482 0080 ${'00'.repeat(128)}`,
      (r) => r.octetString('f'),
      '00'.repeat(128),
      'non-minimal-length',
      1,
      'length 128 in 3 octets',
    ],
    [
      'an indefinite length',
      '3080 020105 0000',
      (r) => r.sequence('f', (s) => s.smallInteger('g')),
      5,
      'indefinite-length',
      0,
      'indefinite length',
    ],
    [
      'bytes left over',
      '3004 020105 00',
      (r) => r.sequence('f', (s) => s.smallInteger('g')),
      5,
      'trailing-bytes',
      5,
      '1 byte after the end of f',
    ],
    [
      'TRUE other than FF',
      '0101 01',
      (r) => r.boolean('f'),
      true,
      'boolean-not-ff',
      2,
      'BOOLEAN TRUE encoded as 01',
    ],
    [
      'a fraction',
      time('18', '20261125041000.5Z'),
      (r) => r.time('f'),
      Date.UTC(2026, 10, 25, 4, 10, 0, 500),
      'time-with-fraction',
      2,
      'GeneralizedTime "20261125041000.5Z"',
    ],
    [
      'no seconds',
      time('18', '202611250410Z'),
      (r) => r.time('f'),
      Date.UTC(2026, 10, 25, 4, 10),
      'time-without-seconds',
      2,
      'GeneralizedTime "202611250410Z"',
    ],
    [
      'an offset',
      time('17', '261125041000+0100'),
      (r) => r.time('f'),
      Date.UTC(2026, 10, 25, 3, 10),
      'time-with-offset',
      2,
      'UTCTime "261125041000+0100"',
    ],
    [
      'an offset the other way',
      time('18', '20261125041000-0130'),
      (r) => r.time('f'),
      Date.UTC(2026, 10, 25, 5, 40),
      'time-with-offset',
      2,
      'GeneralizedTime "20261125041000-0130"',
    ],
  ]
  test.each(cases)('%s', (_, input, read, expected, kind, offset, saw) => {
    const reader = new DerReader(hex(input))
    read(reader)
    expect(reader.sloppiness).toEqual([{ kind, field: 'f', offset, saw }])
    expect(readOne(hex(input), read)).toEqual(expected)
  })

  it('nested indefinite lengths', () => {
    const reader = new DerReader(hex('3080 3080 020105 0000 0000 0500'))
    const value = reader.sequence('f', (s) => s.sequence('g', (t) => t.smallInteger('h')))
    expect(value).toBe(5)
    expect(reader.position).toBe(11)
    expect(reader.sloppiness.map(({ field, offset }) => [field, offset])).toEqual([
      ['f', 0],
      ['g', 2],
    ])
  })

  it('64 faults at most', () => {
    const reader = new DerReader(hex('02020001'.repeat(100)))
    reader.all('f', 100, (r) => r.integer('g'))
    expect(reader.sloppiness.length).toBe(64)
  })
})

describe('DerReader refuses', () => {
  const methods = {
    integer: (r: DerReader) => r.integer('f'),
    small: (r: DerReader) => r.smallInteger('f'),
    octets: (r: DerReader) => r.octetString('f'),
    sequence: (r: DerReader) => r.sequence('f', (s) => s.integer('g')),
    bits: (r: DerReader) => r.bitString('f'),
    oid: (r: DerReader) => r.oid('f'),
    boolean: (r: DerReader) => r.boolean('f'),
    time: (r: DerReader) => r.time('f'),
    any: (r: DerReader) => r.any('f'),
  }
  const cases: [string, string, keyof typeof methods, string, string, number][] = [
    ['nothing at all', '', 'integer', 'INTEGER missing', 'f', 0],
    ['nothing where anything would do', '', 'any', 'value missing', 'f', 0],
    ['another type', '0401 00', 'integer', 'INTEGER expected, OCTET STRING found', 'f', 0],
    ['another type inside', '3002 0500', 'sequence', 'INTEGER expected, NULL found', 'g', 2],
    ['an empty SEQUENCE', '3000', 'sequence', 'INTEGER missing', 'g', 2],
    ['a tag alone', '02', 'integer', 'length missing', 'f', 0],
    ['a value cut short', '0403 0000', 'octets', 'OCTET STRING cut short, 1 byte missing', 'f', 0],
    [
      'a value longer than its SEQUENCE',
      '3003 020200 00',
      'sequence',
      'INTEGER passes the end of what holds it by 1 byte',
      'g',
      2,
    ],
    ['a length cut short', '0482 01', 'octets', 'length cut short', 'f', 0],
    [
      'a length beyond reason',
      '0485 0100000000',
      'octets',
      'length of more than 2^31 bytes',
      'f',
      0,
    ],
    [
      'an indefinite length that never ends',
      '3080 020105',
      'sequence',
      'indefinite length never ends',
      'f',
      0,
    ],
    [
      'an indefinite length of a primitive',
      '0480 0000',
      'octets',
      'indefinite length of a primitive',
      'f',
      0,
    ],
    ['a long tag', '1f8101 00', 'any', 'tag number above 30', 'f', 0],
    ['an INTEGER of no octets', '0200', 'integer', 'INTEGER of no octets', 'f', 2],
    ['an INTEGER that is not small', '0205 0100000000', 'small', 'INTEGER too large', 'f', 2],
    [
      'a BIT STRING of no octets',
      '0300',
      'bits',
      'BIT STRING without a count of unused bits',
      'f',
      2,
    ],
    [
      'a BIT STRING with 8 unused bits',
      '0302 0800',
      'bits',
      'BIT STRING without a count of unused bits',
      'f',
      2,
    ],
    ['an OBJECT IDENTIFIER cut short', '0602 2a86', 'oid', 'OBJECT IDENTIFIER cut short', 'f', 2],
    [
      'an OBJECT IDENTIFIER of 65 octets',
      `0641 ${'01'.repeat(65)}`,
      'oid',
      'OBJECT IDENTIFIER too long',
      'f',
      2,
    ],
    ['a BOOLEAN of two octets', '0102 ffff', 'boolean', 'BOOLEAN not of one octet', 'f', 2],
    [
      '30 February',
      time('18', '20260230000000Z'),
      'time',
      'GeneralizedTime "20260230000000Z" is not a time',
      'f',
      2,
    ],
    [
      '29 February of 2100',
      time('18', '21000229000000Z'),
      'time',
      'GeneralizedTime "21000229000000Z" is not a time',
      'f',
      2,
    ],
    [
      '25 o’clock',
      time('17', '260101250000Z'),
      'time',
      'UTCTime "260101250000Z" is not a time',
      'f',
      2,
    ],
    [
      'letters for a month',
      time('18', '2026AA01000000Z'),
      'time',
      'GeneralizedTime "2026AA01000000Z" is not a time',
      'f',
      2,
    ],
    [
      'letters for a year',
      time('17', 'AA0101000000Z'),
      'time',
      'UTCTime "AA0101000000Z" is not a time',
      'f',
      2,
    ],
    ['an empty time', '1800', 'time', 'GeneralizedTime "" is not a time', 'f', 2],
  ]
  test.each(cases)('%s', (_, input, method, problem, field, offset) => {
    const read: (reader: DerReader) => unknown = methods[method]
    const refused = readWhole(hex(input), 'whole', read)
    expect(refused).toEqual({ kind: 'malformed', problem, field, offset })
  })

  it('nesting without end, definite or not', () => {
    const deeper = (r: DerReader): unknown => r.sequence('f', deeper)
    const definite = Array.from({ length: 60 }).reduce<Buffer>(
      (inside) => Buffer.concat([Buffer.of(0x30, inside.length), inside]),
      Buffer.alloc(0),
    )
    for (const bytes of [definite, hex('3080'.repeat(60))]) {
      expect(readWhole(bytes, 'whole', deeper)).toMatchObject({ problem: 'nesting deeper than 48' })
    }
  })

  it('a list longer than its limit', () => {
    const list = readWhole(hex('0500'.repeat(3)), 'whole', (r) => r.all('f', 2, (e) => e.any('g')))
    expect(list).toMatchObject({ problem: 'more than 2 elements', field: 'f', offset: 4 })
  })

  it('with an error that names problem, offset and field', () => {
    const error = new DerError('INTEGER missing', 'CertID.serialNumber', 7)
    expect(error.message).toBe('INTEGER missing at byte 7, in CertID.serialNumber')
    expect(error.code).toBe('MALFORMED_DER')
  })
})

describe('readWhole()', () => {
  it('lets every other error through', () => {
    const fault = () => {
      throw new TypeError('our own')
    }
    expect(() => readWhole(hex('00'), 'whole', fault)).toThrow(TypeError)
  })
})

test('a reader of a part counts offsets from the start of the bytes', () => {
  const reader = new DerReader(hex('ffff 020105 ff'), 2, 5)
  expect(reader.any('f')).toEqual({ tag: 2, start: 2, end: 5, contentStart: 4, contentEnd: 5 })
  expect(reader.done).toBe(true)
})
