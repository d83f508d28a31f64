import { describe, expect, it, test } from 'vitest'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { systemClock } from '../time/clock.ts'
import { parseIssued } from './issued-certificate.ts'

const pki = makeHierarchy({ now: systemClock.now(), caKey: 'prime256v1' })
const [der, issuer] = [pki.leaf.certificate.der, pki.issuer.certificate.der]

describe('parseIssued()', () => {
  it('reads both', () => {
    const { certificate, issuer: by } = parseIssued({ der, issuer }) ?? {}
    expect(certificate?.fingerprint).toBe(pki.leaf.certificate.fingerprint)
    expect(by?.fingerprint).toBe(pki.issuer.certificate.fingerprint)
  })
  test.each([
    ['no issuer', { der, issuer: undefined }],
    ['a broken certificate', { der: der.subarray(1), issuer }],
    ['a broken issuer', { der, issuer: issuer.subarray(1) }],
  ])('gives nothing for %s', (_, of) => {
    expect(parseIssued(of)).toBe(undefined)
  })
  it('reads an issuer once for all that it has issued', () => {
    const copy = { der, issuer: Uint8Array.from(issuer) }
    expect(parseIssued(copy)?.issuer).toBe(parseIssued({ der, issuer })?.issuer)
  })
})
