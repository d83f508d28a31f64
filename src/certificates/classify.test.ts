import { describe, expect, it, test } from 'vitest'
import { DAY_MS, epochMs, plus } from '../der/time.ts'
import type { CertificateKnobs } from '../lab/ca.ts'
import { distinguishedName } from '../lab/ca.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { STATUS_REQUEST } from '../x509/extensions.ts'
import { classify, displayName, httpOcspUrls } from './classify.ts'

const now = epochMs(1_795_000_000_000)
const { root, issuer, issueLeaf } = makeHierarchy({ now, caKey: 'prime256v1' })
const crlUrls = ['http://crl.lab.test/ca.crl']
const mustStaple = { tlsFeatures: [STATUS_REQUEST] }

describe('classify()', () => {
  const cases: [string, Partial<CertificateKnobs>, string, RegExp][] = [
    ['an OCSP URL', {}, 'ocsp', /issued by everstaple lab issuing CA/],
    ['an OCSP URL in capitals', { ocspUrls: ['HTTP://OCSP.LAB.TEST'] }, 'ocsp', /issued by/],
    ['no OCSP URL but a CRL', { ocspUrls: [], crlUrls }, 'crl-only', /names no OCSP URL, .* CRL/],
    ['neither', { ocspUrls: [] }, 'no-revocation', /names no OCSP URL and no CRL/],
    [
      'an https OCSP URL',
      { ocspUrls: ['https://o/'] },
      'no-revocation',
      /"https:\/\/o\/" is not http:/,
    ],
    [
      'an ldap OCSP URL and a CRL',
      { ocspUrls: ['ldap://o'], crlUrls },
      'crl-only',
      /ldap.*not http:/,
    ],
    ['ldap first, then http', { ocspUrls: ['ldap://o', 'http://o/'] }, 'ocsp', /issued by/],
    ['must-staple without OCSP', { ocspUrls: [], ...mustStaple }, 'no-revocation', /must-staple/],
    ['the past', { notAfter: plus(now, -1) }, 'expired', /expired at 2026-.*Z: renew/],
    ['the last moment', { notAfter: now }, 'ocsp', /issued by/],
    ['the future', { notBefore: plus(now, DAY_MS) }, 'not-yet-valid', /not valid before 2026-/],
    ['CA: TRUE', { isCa: true }, 'ca', /no server staples/],
  ]
  it.each(cases)('judges a certificate with %s', (_, knobs, classification, detail) => {
    const { certificate } = issueLeaf(knobs)
    const classified = classify(certificate, issuer.certificate, now)
    expect(classified).toEqual({ classification, detail: expect.stringMatching(detail) })
  })

  it('says whose certificate is missing', () => {
    const { classification, detail } = classify(issueLeaf().certificate, undefined, now)
    expect(classification).toBe('issuer-missing')
    expect(detail).toContain('(everstaple lab issuing CA)')
  })

  it('does not ask for the issuer of a certificate without OCSP', () => {
    const { certificate } = issueLeaf({ ocspUrls: [] })
    expect(classify(certificate, undefined, now).classification).toBe('no-revocation')
  })
})

test('httpOcspUrls() keeps the order and drops what is not http', () => {
  const ocspUrls = ['ldap://a', 'http://b/', 'https://c/', 'http://d/']
  expect(httpOcspUrls(issueLeaf({ ocspUrls }).certificate)).toEqual(['http://b/', 'http://d/'])
})

describe('displayName()', () => {
  const subject = distinguishedName('common')
  const cases: [string, Partial<CertificateKnobs>, string][] = [
    ['the first DNS name', { dnsNames: ['a.test', 'b.test'], subject }, 'a.test'],
    ['else the common name', { dnsNames: [], subject }, 'common'],
    ['else the serial number', { dnsNames: [], subject: Buffer.from('3000', 'hex') }, '00ff01'],
    [
      'without control characters',
      { dnsNames: ['a\u001b[31m\n.test'] },
      'a\u{fffd}[31m\u{fffd}.test',
    ],
    ['cut where it is endless', { dnsNames: ['a'.repeat(300)] }, `${'a'.repeat(253)}…`],
  ]
  it.each(cases)('is %s', (_, knobs, name) => {
    const serialNumber = Buffer.from('00ff01', 'hex')
    expect(displayName(issueLeaf({ ...knobs, serialNumber }).certificate)).toBe(name)
  })

  it('names a CA by its common name', () => {
    expect(displayName(root.certificate)).toBe('everstaple lab root')
  })
})
