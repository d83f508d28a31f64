import { existsSync, readFileSync } from 'node:fs'
import { assert, integer, property } from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { DAY_MS, epochMs, plus } from '../der/time.ts'
import { sequence } from '../der/writer.ts'
import { extension } from '../lab/certificate-extensions.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { type Certificate, parseCertificate, publicKey } from './certificate.ts'
import { extensionOids, isMustStaple, OCSP_SIGNING } from './extensions.ts'
import { findIssuer } from './issuer.ts'

const now = epochMs(1_795_000_000_000)
const { issuer, leaf, signer, issueLeaf } = makeHierarchy({ now, caKey: 'prime256v1' })
const { SLOW } = process.env
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function parsed(der: Uint8Array): Certificate {
  const certificate = parseCertificate(der)
  if ('kind' in certificate) throw new Error(certificate.problem)
  return certificate
}

describe('parseCertificate()', () => {
  it('reads what OCSP needs', () => {
    const { certificate } = issueLeaf({
      serialNumber: Buffer.from('0123', 'hex'),
      ocspUrls: ['http://a/', 'http://b/'],
      caIssuersUrls: ['http://ca/'],
      crlUrls: ['http://crl/1', 'http://crl/2'],
      dnsNames: ['a.test', 'b.test'],
      tlsFeatures: [5, 17],
    })
    expect(certificate).toMatchObject({
      notBefore: plus(now, -30 * DAY_MS),
      notAfter: plus(now, 60 * DAY_MS),
      sloppiness: [],
      extensions: {
        ocspUrls: ['http://a/', 'http://b/'],
        caIssuersUrls: ['http://ca/'],
        crlUrls: ['http://crl/1', 'http://crl/2'],
        dnsNames: ['a.test', 'b.test'],
        tlsFeatures: [5, 17],
        isCa: false,
        malformed: [],
      },
    })
    expect(hex(certificate.serialNumber)).toBe('0123')
    expect(hex(certificate.issuer)).toBe(hex(issuer.certificate.subject))
    expect(isMustStaple(certificate.extensions)).toBe(true)
    expect(issuer.certificate.extensions.isCa).toBe(true)
    expect(signer.certificate.extensions.extendedKeyUsage).toEqual([OCSP_SIGNING])
  })

  it.each([
    ['padded', '000012', ['non-minimal-integer']],
    ['negative and padded', 'ffff80', ['non-minimal-integer']],
    ['negative', '80', []],
    ['zero', '00', []],
    ['of 37 octets', '11'.repeat(37), []],
  ])('keeps a serial number that is %s exactly as encoded', (_, serial, notes) => {
    const { certificate } = issueLeaf({ serialNumber: Buffer.from(serial, 'hex') })
    expect(hex(certificate.serialNumber)).toBe(serial)
    expect(certificate.sloppiness.map(({ kind }) => kind)).toEqual(notes)
    expect(findIssuer(certificate, [issuer.certificate])).toBe(issuer.certificate)
  })

  it('notes bytes after the end, and does not count them in', () => {
    const longer = parsed(Buffer.concat([leaf.der, Buffer.of(0)]))
    expect(longer.fingerprint).toBe(leaf.certificate.fingerprint)
    expect(longer.sloppiness).toEqual([
      expect.objectContaining({ kind: 'trailing-bytes', offset: leaf.der.length }),
    ])
  })

  it('names an extension that cannot be read, and reads the rest', () => {
    const broken = extension(extensionOids.tlsFeature, Buffer.of(0x30, 0x05))
    const { extensions } = issueLeaf({ extensions: [broken] }).certificate
    expect(extensions.malformed).toEqual([
      { oid: extensionOids.tlsFeature, problem: expect.stringContaining('in Features') },
    ])
    expect(isMustStaple(extensions)).toBe(false)
    expect(extensions.ocspUrls).toEqual(['http://ocsp.lab.test/'])
  })

  it.each([
    ['nothing', Buffer.alloc(0), 'SEQUENCE missing|value missing'],
    ['another structure', sequence(), 'SEQUENCE missing'],
    ['half of one', leaf.der.subarray(0, 200), 'cut short'],
  ])('says what is wrong with %s', (_, der, problem) => {
    expect(parseCertificate(der)).toMatchObject({
      kind: 'malformed',
      problem: expect.stringMatching(problem),
    })
  })

  it('gives a value or says what is wrong, whatever octet of a certificate is changed', () => {
    const { der } = issueLeaf({ tlsFeatures: [5], crlUrls: ['http://crl/'] })
    const position = integer({ min: 0, max: der.length - 1 })
    assert(
      property(position, integer({ min: 1, max: 255 }), position, (at, flip, cut) => {
        const changed = Uint8Array.from(der)
        changed[at] = (changed[at] ?? 0) ^ flip
        for (const each of [changed, changed.subarray(0, cut)]) {
          const read = parseCertificate(each)
          if ('kind' in read) expect(read.offset).toBeLessThanOrEqual(each.length)
          else expect([read.notBefore, read.notAfter]).not.toContain(Number.NaN)
        }
      }),
      { numRuns: SLOW ? 100_000 : 1_000 },
    )
  })
})

test('publicKey() makes the key once', () => {
  expect(publicKey(leaf.certificate)?.asymmetricKeyType).toBe('ec')
  expect(publicKey(leaf.certificate)).toBe(publicKey(leaf.certificate))
})

const corpus = new URL('../../../shared/corpora/odd-integer-certs/', import.meta.url)

describe.skipIf(!existsSync(corpus))('certificates with odd INTEGERs that others made', () => {
  interface Case {
    readonly name: string
    readonly cert: string
    readonly expect: 'parse-ok' | 'parse-fail'
  }
  const file = new URL('cases.json', corpus)
  const cases: readonly Case[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
  const padded = ['non-minimal-integer']
  /** What strict readers refuse and we read: the serial number that stands there, and what is noted. */
  const readNevertheless = new Map<string, readonly [string, readonly string[]]>([
    ['xf-der-invalid-nonminimal-int', ['00001234', padded]],
    // The padding is inside the key, which is not ours to read.
    ['xf-der-pubkey-rsa-nonminimal-int', ['1234', []]],
    // The source gives it in decimal: -218943125988803304701934765446014018.
    ['negative_serial', ['ffd5d5453d324e958b7fc5d04777dbbe', padded]],
    ['serial_not_minimal', ['0001', padded]],
  ])

  it.each(cases.map((each) => [each.name, each] as const))('%s', (name, each) => {
    const read = parseCertificate(readFileSync(new URL(each.cert, corpus)))
    const known = readNevertheless.get(name)
    if (known !== undefined) {
      const [serialNumber, kinds] = known
      expect('kind' in read ? read : hex(read.serialNumber)).toBe(serialNumber)
      expect(read).toMatchObject({ sloppiness: kinds.map((kind) => ({ kind })) })
    } else if (each.expect === 'parse-ok') expect(read).toMatchObject({ sloppiness: [] })
    else expect(read).toMatchObject({ problem: 'INTEGER expected, NULL found' })
  })

  it('tells 255 from -255', () => {
    const serial = (name: string) => {
      const { serialNumber } = parsed(readFileSync(new URL(`botan-${name}.der`, corpus)))
      return hex(serialNumber)
    }
    expect(serial('pos255')).toBe('00ff')
    expect(serial('neg255')).toBe('ff01')
  })
})
