import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { tags } from '../der/tag.ts'
import { DAY_MS, epochMs, plus } from '../der/time.ts'
import { distinguishedName, makeCertificate } from '../lab/ca.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { findIssuer } from './issuer.ts'

const now = epochMs(1_795_000_000_000)
const lab = makeHierarchy({ now, caKey: 'prime256v1' })
const { root, issuer, leaf, issueLeaf } = lab
const validity = { notBefore: plus(now, -DAY_MS), notAfter: plus(now, DAY_MS), isCa: true }

describe('findIssuer()', () => {
  it('finds the certificate whose name and key fit', () => {
    const candidates = [root.certificate, leaf.certificate, issuer.certificate]
    expect(findIssuer(leaf.certificate, candidates)).toBe(issuer.certificate)
    expect(findIssuer(issuer.certificate, candidates)).toBe(root.certificate)
  })

  it('finds nothing among none, and never the certificate itself', () => {
    expect(findIssuer(leaf.certificate, [])).toBeUndefined()
    expect(findIssuer(root.certificate, [root.certificate])).toBeUndefined()
  })

  it('does not take a namesake with another key', () => {
    const key = lab.keys('namesake', 'prime256v1')
    const subject = issuer.certificate.subject
    const namesake = makeCertificate({ ...validity, subject, key }).certificate
    expect(findIssuer(leaf.certificate, [namesake])).toBeUndefined()
    expect(findIssuer(leaf.certificate, [namesake, issuer.certificate])).toBe(issuer.certificate)
  })

  it('does not take the right key under another name', () => {
    const other = makeCertificate({ ...validity, subject: 'other', key: issuer.key }).certificate
    expect(findIssuer(leaf.certificate, [other])).toBeUndefined()
  })

  it.each([
    ['another string type', distinguishedName('everstaple lab issuing CA', tags.printableString)],
    ['another letter case', distinguishedName('EVERSTAPLE Lab issuing CA')],
    ['more spaces', distinguishedName(' everstaple lab  issuing CA ')],
  ])('takes an issuer field written with %s', (_, issuerName) => {
    const other = issueLeaf({ issuerName }).certificate
    expect(findIssuer(other, [issuer.certificate])).toBe(issuer.certificate)
  })

  it('prefers the name that is equal byte for byte, then the one that lasts longest', () => {
    const { subject } = issuer.certificate
    const { key } = issuer
    const printable = distinguishedName('everstaple lab issuing CA', tags.printableString)
    const notAfter = plus(now, 5000 * DAY_MS)
    const longer = makeCertificate({ ...validity, subject, key, notAfter }).certificate
    const alike = makeCertificate({ ...validity, subject: printable, key, notAfter }).certificate
    const short = makeCertificate({ ...validity, subject, key }).certificate
    const all = [alike, short, longer, issuer.certificate]
    expect(findIssuer(leaf.certificate, all)).toBe(longer)
    expect(findIssuer(leaf.certificate, all.toReversed())).toBe(longer)
    expect(findIssuer(leaf.certificate, [alike, short])).toBe(short)
  })

  it('goes by the key identifiers where the signature algorithm is unknown', () => {
    const unknown = { ...leaf.certificate.signatureAlgorithm, oid: '1.2.3.4' }
    const odd: Certificate = { ...leaf.certificate, signatureAlgorithm: unknown }
    expect(findIssuer(odd, [root.certificate, issuer.certificate])).toBe(issuer.certificate)
    const extensions = { ...leaf.certificate.extensions, authorityKeyIdentifier: undefined }
    expect(findIssuer({ ...odd, extensions }, [issuer.certificate])).toBeUndefined()
  })

  it('refuses a certificate that was changed after it was signed', () => {
    const der = Uint8Array.from(leaf.der)
    const serial = leaf.certificate.serialNumber
    const at = Buffer.from(der).indexOf(serial) + 3
    der[at] = (der[at] ?? 0) ^ 1
    const changed = parseCertificate(der)
    if ('kind' in changed) throw new Error(changed.problem)
    expect(findIssuer(changed, [issuer.certificate])).toBeUndefined()
  })
})

const corpus = new URL('../../../shared/corpora/real-responders-2022/', import.meta.url)

describe.skipIf(!existsSync(corpus))('certificates of public CAs, 2022', () => {
  interface Case {
    readonly cert?: string
    readonly issuer?: string
  }
  const file = new URL('cases.json', corpus)
  const cases: readonly Case[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
  const read = (path: string) => {
    const certificate = parseCertificate(readFileSync(new URL(path, corpus)))
    if ('kind' in certificate) throw new Error(`${path}: ${certificate.problem}`)
    return certificate
  }

  it('are each paired with the issuer that the source names, also where its name is encoded otherwise', () => {
    let encodedOtherwise = 0
    for (const { cert, issuer: path } of cases) {
      if (cert === undefined || path === undefined) continue
      const [certificate, candidate] = [read(cert), read(path)]
      expect([cert, findIssuer(certificate, [candidate])?.fingerprint]).toEqual([
        cert,
        candidate.fingerprint,
      ])
      if (Buffer.compare(certificate.issuer, candidate.subject) !== 0) encodedOtherwise++
    }
    expect(encodedOtherwise).toBeGreaterThan(0)
  })
})
