import { describe, expect, it, test } from 'vitest'
import { DAY_MS } from '../der/time.ts'
import { derNull, sequence, smallInteger } from '../der/writer.ts'
import { distinguishedName } from '../lab/ca.ts'
import { extension } from '../lab/certificate-extensions.ts'
import type { VectorName } from '../lab/matrix.ts'
import { byName } from '../lab/response-builder.ts'
import { setting } from '../lab/vectors/setting.ts'
import { allVectors, hierarchy, now } from './_vectors.ts'
import { type Explanation, explain } from './explain.ts'
import { defaultPolicy } from './policy.ts'
import { certID, encodeRequest } from './request.ts'

const { leaf, issuer, root, signer } = hierarchy
const here = setting(hierarchy, now)
const good = here.direct()
const utf8 = (text: string) => new TextEncoder().encode(text)
const base64 = Buffer.from(good).toString('base64')

describe('a body that is no response is called what it is', () => {
  test.each([
    ['empty', new Uint8Array(), 'body-empty', 'an empty body'],
    ['one byte', Uint8Array.of(0x0a), 'body-one-byte', 'a body of one byte, 0x0A'],
    ['HTML', utf8('<html><p>busy'), 'body-is-text', 'HTML: "<html><p>busy"'],
    ['text', utf8('not found\n'), 'body-is-text', 'text: "not found"'],
    ['a PEM file', utf8(leaf.pem), 'body-is-text', 'PEM: "-----BEGIN CERTIFICATE-----'],
    ['base64', utf8(base64), 'body-is-text', 'base64: "MI'],
    [
      'a certificate',
      leaf.der,
      'response-malformed',
      'in OCSPResponse.responseStatus: it is a certificate, "O=everstaple lab, CN=localhost"',
    ],
    [
      'a request',
      encodeRequest(certID(leaf.certificate, issuer.certificate)),
      'response-malformed',
      ': it is an OCSP request',
    ],
    [
      'a response cut short',
      good.subarray(0, 200),
      'response-malformed',
      `SEQUENCE cut short, ${good.length - 200} bytes missing at byte 0 of 200, in OCSPResponse`,
    ],
    [
      'a response with another type inside',
      here.direct({ responderID: derNull() }),
      'response-malformed',
      /^\[2\] expected, NULL found at byte \d+ of \d+, in ResponseData.responderID$/,
    ],
  ])('%s', (_kind, body, rule, saw) => {
    const [finding] = explained(body).findings
    expect(finding).toMatchObject({ rule, level: 'reject' })
    if (typeof saw === 'string') expect(finding?.saw).toContain(saw)
    else expect(finding?.saw).toMatch(saw)
  })
})

describe('a fault is named', () => {
  test.each<[VectorName, string, RegExp]>([
    [
      'sig_alg_mismatch_claims256_is1',
      'signature-algorithm-mismatch',
      /^signatureAlgorithm claims sha256WithRSAEncryption, but the signature verifies as sha1WithRSAEncryption$/,
    ],
    [
      'deleg_by_root',
      'signer-not-issued-by-issuer',
      /^signed by ".+", which ".+" did not issue \(its issuer: .+\)$/,
    ],
    ['serial_nonminimal', 'non-minimal-integer', /at byte \d+, in CertID.serialNumber/],
    [
      'deleg_issuer_first',
      'signer-not-first',
      /^2 embedded: ".+ issuing CA" \(a CA\), ".+ signer" \(the signer\)$/,
    ],
    ['sig_corrupt', 'signature-invalid', /not by ".+", nor by any other key at hand$/],
  ])('%s', (name, rule, saw) => {
    const { findings } = explained(vector(name))
    expect(findings.find((finding) => finding.rule === rule)?.saw).toMatch(saw)
  })

  it('a signature by the delegated signer, whose certificate is not there', () => {
    const { findings } = explained(here.direct({ signer }))
    expect(findings.map(({ rule }) => rule)).toEqual(['signer-missing'])
  })

  it('of two lists of timestamps, which Firefox refuses, too', () => {
    const scts = extension('1.3.6.1.4.1.11129.2.4.5', sequence(smallInteger(1)))
    const { clients } = explained(here.saying({ extensions: [scts, scts] }))
    expect(clients).toMatchObject({ mozpkix: false, boringssl: false, openssl: true })
  })
})

describe('of several certificates of the key that signed', () => {
  const damaged = Uint8Array.from(signer.der, (octet, at) =>
    at === signer.der.length - 1 ? octet ^ 1 : octet,
  )
  const renamed = hierarchy.issueSigner({
    subject: distinguishedName('the same signer'),
    notAfter: here.at(900 * DAY_MS),
  })

  test.each([
    ['one that the issuer did not issue comes first', damaged, 'signer-copy-not-issued-first'],
    ['one that lasts longer has another name', renamed.der, 'embedded-certificates-extra'],
  ])('%s, and the right one is kept', (_story, first, rule) => {
    const responderID = byName(signer.certificate.subject)
    const response = here.delegated(signer, { responderID, certs: [first, signer.der] })
    const { canonical, findings } = explained(response)
    expect(canonical.accepted).toBe(true)
    expect(findings.map((finding) => finding.rule)).toContain(rule)
    expect(findings.filter(({ level }) => level === 'reject')).toEqual([])
  })
})

describe('an explanation', () => {
  it('says which certificate the response is about, whether that was given or not', () => {
    const serialNumber = Buffer.from(leaf.certificate.serialNumber).toString('hex')
    expect(explained(good).serialNumber).toBe(serialNumber)
    expect(explained(good, 'nothing').serialNumber).toBe(serialNumber)
    expect(explained(utf8('<html>')).serialNumber).toBeNull()
  })

  it('without certificate and issuer accepts nothing, and says what it did not judge', () => {
    const { accepted, canonical, notJudged, signer: by } = explained(here.delegated(), 'nothing')
    expect({ accepted, canonical: canonical.accepted }).toEqual({
      accepted: false,
      canonical: false,
    })
    expect(by).toMatchObject({ kind: 'delegate' })
    expect(notJudged).toHaveLength(2)
  })

  it('counts the bytes that the canonical form saves', () => {
    const carrying = here.delegated(signer, { certs: [signer.der, issuer.der, root.der] })
    expect(explained(carrying).canonical).toEqual({
      accepted: true,
      bytesSaved: carrying.length - here.delegated().length,
    })
  })
})

function explained(response: Uint8Array, given: 'all' | 'nothing' = 'all'): Explanation {
  const about =
    given === 'all'
      ? { certificate: leaf.certificate, issuer: issuer.certificate }
      : { certificate: undefined, issuer: undefined }
  return explain({ response, ...about, now, policy: defaultPolicy, servedChain: undefined })
}

function vector(name: VectorName): Uint8Array {
  const found = allVectors.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no vector is called ${name}`)
  return found.response
}
