import { describe, expect, it } from 'vitest'
import { tags } from '../der/tag.ts'
import { oid, sequence, set, text, tlv } from '../der/writer.ts'
import { commonName, formatName, normalizedName } from './name.ts'

/** A Name of attributes, each in an RDN of its own. */
const nameOf = (...attributes: [string, Uint8Array][]) =>
  sequence(...attributes.map(([type, value]) => set(sequence(oid(type), value))))
const utf8 = (value: string) => text(tags.utf8String, value)
const utf16 = (value: string) => tlv(tags.bmpString, Buffer.from(value, 'utf16le').swap16())
const CN = '2.5.4.3'

describe('formatName()', () => {
  it.each([
    [
      'attributes in their order',
      nameOf(['2.5.4.6', utf8('US')], [CN, utf8('Née')]),
      'C=US, CN=Née',
    ],
    ['PrintableString', nameOf([CN, text(tags.printableString, 'CA')]), 'CN=CA'],
    ['TeletexString as Latin-1', nameOf([CN, tlv(tags.teletexString, Buffer.of(0xe9))]), 'CN=é'],
    ['BMPString', nameOf([CN, utf16('Ω')]), 'CN=Ω'],
    ['an attribute without a short name', nameOf(['1.2.3', utf8('x')]), '1.2.3=x'],
    ['a value that is no string', nameOf([CN, tlv(tags.octetString, Buffer.of(1))]), 'CN=#01'],
    ['nothing', nameOf(), '(empty name)'],
    ['what is no Name', Buffer.of(4, 0), '(unreadable name)'],
  ])('writes %s', (_, der, expected) => {
    expect(formatName(der)).toBe(expected)
  })
})

describe('normalizedName()', () => {
  const plain = nameOf([CN, utf8('Example CA')])
  it.each([
    ['string type', nameOf([CN, text(tags.printableString, 'Example CA')])],
    ['BMPString', nameOf([CN, utf16('Example CA')])],
    ['letter case', nameOf([CN, utf8('EXAMPLE ca')])],
    ['spaces', nameOf([CN, utf8('  Example   CA ')])],
  ])('does not look at %s', (_, der) => {
    expect(normalizedName(der)).toBe(normalizedName(plain))
  })

  it.each([
    ['another value', nameOf([CN, utf8('Example CB')])],
    ['another type', nameOf(['2.5.4.10', utf8('Example CA')])],
    ['one attribute more', nameOf([CN, utf8('Example CA')], [CN, utf8('x')])],
    ['no space where there was one', nameOf([CN, utf8('ExampleCA')])],
  ])('tells apart: %s', (_, der) => {
    expect(normalizedName(der)).not.toBe(normalizedName(plain))
  })

  it('is undefined for what is no Name', () => {
    expect(normalizedName(Buffer.of(0x30, 0x05))).toBeUndefined()
  })
})

it('commonName() is the first of several', () => {
  expect(commonName(nameOf(['2.5.4.10', utf8('o')], [CN, utf8('a')], [CN, utf8('b')]))).toBe('a')
  expect(commonName(nameOf())).toBeUndefined()
})
