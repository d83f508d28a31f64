import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it, test } from 'vitest'
import { epochMs } from '../der/time.ts'
import { enumerated, integer, octetString, oid, sequence, text } from '../der/writer.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { MAX_FILE_BYTES, readBundle } from './bundle.ts'

const now = epochMs(1_795_000_000_000)
const { root, issuer, leaf, issueLeaf } = makeHierarchy({ now, caKey: 'prime256v1' })
const bytes = (...parts: string[]) => Buffer.from(parts.join(''))
const ids = (list: readonly { readonly fingerprint: string }[]) => list.map((c) => c.fingerprint)

describe('readBundle()', () => {
  const other = issueLeaf({ dnsNames: ['other.test'] })
  it.each([
    ['a leaf alone', bytes(leaf.pem), [leaf], []],
    ['a full chain', bytes(leaf.pem, issuer.pem, root.pem), [leaf], [issuer, root]],
    ['a chain in the wrong order', bytes(issuer.pem, leaf.pem), [leaf], [issuer]],
    ['HAProxy’s combined form', bytes(leaf.keyPem, leaf.pem, issuer.pem), [leaf], [issuer]],
    ['two leaves of one CA', bytes(leaf.pem, other.pem, issuer.pem), [leaf, other], [issuer]],
    ['the same leaf twice', bytes(leaf.pem, leaf.pem), [leaf], []],
    ['a CA alone', bytes(issuer.pem), [], [issuer]],
    ['DER', Buffer.from(leaf.der), [leaf], []],
    ['DER with bytes after its end', Buffer.concat([leaf.der, Buffer.of(0, 0)]), [leaf], []],
  ])('divides %s into leaves and issuers', (_, input, leaves, issuers) => {
    const bundle = readBundle(input)
    expect(bundle).toMatchObject({ holds: 'certificates', problems: [] })
    expect(ids(bundle.leaves)).toEqual(ids(leaves.map((each) => each.certificate)))
    expect(ids(bundle.issuers)).toEqual(ids(issuers.map((each) => each.certificate)))
  })

  it('takes a CA without BasicConstraints for an issuer, as it issued the other', () => {
    const parent = issueLeaf({ subject: 'old CA', ocspUrls: [] })
    const child = issueLeaf({ issuer: parent })
    const { leaves, issuers } = readBundle(bytes(child.pem, parent.pem))
    expect(ids(leaves)).toEqual(ids([child.certificate]))
    expect(ids(issuers)).toEqual(ids([parent.certificate]))
  })

  it.each(['pem', 'der'] as const)('keeps nothing of the bytes that it was given (%s)', (form) => {
    const input = Buffer.from(leaf[form])
    const { leaves } = readBundle(input)
    input.fill(0)
    expect(leaves.map(({ der }) => Buffer.from(der))).toEqual([Buffer.from(leaf.der)])
  })

  it('names the line of what cannot be read, and reads the rest', () => {
    const broken = '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'
    const { holds, leaves, problems } = readBundle(bytes(leaf.keyPem, broken, leaf.pem))
    expect(holds).toBe('certificates')
    expect(ids(leaves)).toEqual(ids([leaf.certificate]))
    const line = leaf.keyPem.split('\n').length
    expect(problems).toEqual([
      expect.stringMatching(`^line ${line}: cannot be read as a certificate`),
    ])
  })
})

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const name = sequence()
const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
const time = text(0x17, '260101000000Z')
const version = integer(Buffer.of(0))
const spki = sequence(algorithm)
const pemOf = (label: string) => bytes(`-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`)

test.each([
  ['nothing', Buffer.alloc(0), 'nothing-known', 'empty'],
  ['a private key', bytes(leaf.keyPem), 'something-else', 'holds a private key and no certificate'],
  ['an old private key', pemOf('EC PRIVATE KEY'), 'something-else', 'holds a private key'],
  [
    'a private key in DER',
    privateKey.export({ type: 'pkcs8', format: 'der' }),
    'something-else',
    'a private key',
  ],
  [
    'an encrypted key',
    sequence(algorithm, octetString()),
    'something-else',
    'an encrypted private key',
  ],
  ['a CSR', pemOf('CERTIFICATE REQUEST'), 'something-else', 'a certificate request'],
  [
    'a CSR in DER',
    sequence(sequence(version, name, spki), algorithm),
    'something-else',
    'a certificate request',
  ],
  ['a CRL', pemOf('X509 CRL'), 'something-else', 'a CRL'],
  [
    'a CRL in DER',
    sequence(sequence(integer(Buffer.of(1)), algorithm, name, time), algorithm),
    'something-else',
    'a CRL',
  ],
  ['an OCSP response', sequence(enumerated(0)), 'something-else', 'an OCSP response'],
  ['PKCS#7', sequence(oid('1.2.840.113549.1.7.2')), 'something-else', 'PKCS#7'],
  ['PKCS#12', sequence(integer(Buffer.of(3)), sequence()), 'something-else', 'PKCS#12'],
  ['DH parameters', pemOf('DH PARAMETERS'), 'something-else', 'DH PARAMETERS'],
  ['a web page', bytes('\n<!DOCTYPE html><html>'), 'nothing-known', 'web page'],
  ['UTF-16', Buffer.from('\ufeff-----BEGIN', 'utf16le'), 'nothing-known', 'UTF-16'],
  ['text', bytes('hello'), 'nothing-known', 'neither PEM nor DER'],
  ['binary junk', Buffer.of(0, 1, 2, 255), 'nothing-known', 'neither PEM nor DER'],
  ['DER that is cut short', Buffer.from(leaf.der.subarray(0, 100)), 'nothing-known', 'at byte'],
  ['too much', Buffer.alloc(MAX_FILE_BYTES + 1, 0x20), 'nothing-known', 'larger than'],
])('readBundle() says what a file with %s is', (_, input, holds, problem) => {
  const bundle = readBundle(input)
  expect(bundle).toMatchObject({ leaves: [], issuers: [], holds })
  expect(bundle.problems).toEqual([expect.stringContaining(problem)])
})
