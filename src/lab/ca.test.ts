import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { DAY_MS, epochMs, fromCalendar, plus } from '../der/time.ts'
import { isMustStaple, OCSP_SIGNING } from '../x509/extensions.ts'
import { formatName } from '../x509/name.ts'
import { distinguishedName, type LabCertificate, makeCertificate } from './ca.ts'
import { makeHierarchy } from './hierarchy.ts'
import { type KeyKind, makeKey, makeKeyRing } from './keys.ts'
import type { SigningAlgorithm } from './signing.ts'

const now = epochMs(1_790_000_000_000)
const validity = { notBefore: plus(now, -DAY_MS), notAfter: plus(now, DAY_MS) }

describe('a hierarchy', () => {
  const { root, issuer, leaf, signer, issueLeaf } = makeHierarchy({ now })

  it.each<[string, LabCertificate, LabCertificate]>([
    ['root', root, root],
    ['issuer', issuer, root],
    ['leaf', leaf, issuer],
    ['signer', signer, issuer],
  ])('has a %s that Node.js verifies with the key above', (_name, { pem }, above) => {
    const certificate = new X509Certificate(pem)
    expect(certificate.verify(new X509Certificate(above.pem).publicKey)).toBe(true)
    expect(certificate.checkIssued(new X509Certificate(above.pem))).toBe(true)
  })

  it('has CAs that are CAs, and a leaf and a signer that are not', () => {
    const areCas = [root, issuer, leaf, signer].map((c) => c.certificate.extensions.isCa)
    expect(areCas).toEqual([true, true, false, false])
  })

  it('has a signer for OCSP', () => {
    expect(signer.certificate.extensions.extendedKeyUsage).toEqual([OCSP_SIGNING])
  })

  it('issues leaves with every extension that OCSP reads', () => {
    const { certificate } = issueLeaf({
      ocspUrls: ['http://a.test/', 'http://b.test/x'],
      caIssuersUrls: ['http://a.test/ca.der'],
      crlUrls: ['http://a.test/ca.crl'],
      tlsFeatures: [5, 17],
      dnsNames: ['www.test', 'mail.test'],
    })
    const { extensions } = certificate
    expect(extensions).toMatchObject({
      ocspUrls: ['http://a.test/', 'http://b.test/x'],
      caIssuersUrls: ['http://a.test/ca.der'],
      crlUrls: ['http://a.test/ca.crl'],
      tlsFeatures: [5, 17],
      dnsNames: ['www.test', 'mail.test'],
      malformed: [],
    })
    expect(isMustStaple(extensions)).toBe(true)
    expect(extensions.authorityKeyIdentifier).toEqual(
      issuer.certificate.extensions.subjectKeyIdentifier,
    )
    expect(certificate.sloppiness).toEqual([])
  })
})

describe('makeCertificate()', () => {
  it.each<[KeyKind, SigningAlgorithm | undefined]>([
    ['rsa-1024', undefined],
    ['rsa-2048', 'rsa-sha1'],
    ['rsa-2048', 'rsa-sha512'],
    ['rsa-2048', 'pss-sha256'],
    ['prime256v1', undefined],
    ['secp384r1', 'ecdsa-sha384'],
    ['secp521r1', 'ecdsa-sha512'],
    ['secp224r1', undefined],
    ['secp256k1', undefined],
    ['ed25519', undefined],
  ])('signs with a key of %s, %s', (kind, signatureAlgorithm) => {
    const made = makeCertificate({
      ...validity,
      subject: 'self',
      key: makeKey(kind),
      ...(signatureAlgorithm && { signatureAlgorithm }),
    })
    const certificate = new X509Certificate(made.der)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
  })

  const key = makeKey('prime256v1')

  it('writes the serial number as given, padding and all', () => {
    const serialNumber = Uint8Array.of(0, 0, 0x2a)
    const { certificate } = makeCertificate({ ...validity, subject: 'x', key, serialNumber })
    expect([...certificate.serialNumber]).toEqual([0, 0, 0x2a])
    expect(certificate.sloppiness).toMatchObject([{ kind: 'non-minimal-integer' }])
  })

  it('can name another issuer than the one that signs', () => {
    const issuerName = distinguishedName('somebody else')
    const { certificate } = makeCertificate({ ...validity, subject: 'x', key, issuerName })
    expect(formatName(certificate.issuer)).toBe('O=everstaple lab, CN=somebody else')
  })

  it('writes dates from 2050 on in the other form, which reads the same', () => {
    const notAfter = fromCalendar({ year: 2051, month: 2, day: 3, hour: 4, minute: 5, second: 6 })
    const { certificate } = makeCertificate({
      subject: 'x',
      key,
      notBefore: now,
      notAfter: notAfter ?? now,
    })
    expect(certificate.notBefore).toBe(now)
    expect(certificate.notAfter).toBe(notAfter)
    expect(certificate.sloppiness).toEqual([])
  })
})

it('a key ring makes one key for a label and kind', () => {
  const keys = makeKeyRing()
  const key = keys('a', 'prime256v1')
  expect(keys('a', 'prime256v1')).toBe(key)
  expect(keys('b', 'prime256v1')).not.toBe(key)
  expect(keys('a', 'ed25519').asymmetricKeyType).toBe('ed25519')
})
