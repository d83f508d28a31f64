import { describe, expect, it, test } from 'vitest'
import { epochMs } from '../src/der/time.ts'
import { type Explanation, explain } from '../src/ocsp/explain.ts'
import { defaultPolicy } from '../src/ocsp/policy.ts'
import { certID, encodeRequest, parseRequest } from '../src/ocsp/request.ts'
import { type Certificate, parseCertificate } from '../src/x509/certificate.ts'
import { type CorpusCase, corpusCases } from './_corpora.ts'

const cases = corpusCases()
const responses = cases.filter(({ kind }) => kind === 'response')
const requests = cases.filter(({ kind }) => kind === 'request')
const certificates = cases.filter(({ kind }) => kind === 'certificate')

/**
 * Cases that OpenSSL finds invalid for the sake of the issuer's own certificate, and that are accepted here: a response is judged by the
 * issuer's key, and which path leads from there to a root is the client's own matter, which differs between clients.
 */
const pathOfIssuer: Readonly<Record<string, string>> = {
  '15147905.sha1': 'cross-certificate of WoSign, expired and without seconds in its notBefore',
  '162879046.sha1': 'cross-certificate of DigiCert Global Root CA by Microsoft, expired',
  '162879048.sha1': 'cross-certificate of a Comodo root, expired',
  '162879071.sha256': 'cross-certificate of VeriSign G5 by Microsoft, expired',
  '162879072.sha1': 'cross-certificate of a DigiCert root, expired',
  '5537412.sha1': 'cross-certificate of TWCA Global Root CA, whose root is not at hand',
  '597715.sha1': 'cross-certificate of a Comodo root, expired',
  '8879.sha1': 'cross-certificate of QuoVadis Root CA 2, expired',
  '8983048.sha1': 'cross-certificate of a Comodo root, expired',
}

describe.skipIf(cases.length === 0)('responses that nobody here made', () => {
  test.each(responses)('$id: $why', (one) => {
    const explanation = explained(one)
    const stated = statedVerdict(one)
    if (isPathOfIssuer(one)) return expect(explanation.canonical.accepted).toBe(true)
    return expect(contradiction(explanation, stated), stated).toBeUndefined()
  })
  test.each(responses.filter(({ folder }) => folder === 'boringssl'))(
    '$id: BoringSSL takes it as it says itself',
    (one) => {
      const agrees = explained(one).clients.boringssl === (one.expect === 'good')
      expect(agrees).toBe(true)
    },
  )
  it('are refused although they are good for these reasons only', () => {
    const refused = responses
      .filter((one) => statedVerdict(one) === 'good')
      .flatMap((one) => rejections(explained(one)))
    const counts: Record<string, number> = {}
    for (const rule of refused.toSorted()) counts[rule] = (counts[rule] ?? 0) + 1
    expect(counts).toEqual({
      'cert-id-hash-not-sha1': 70,
      'extensions-empty': 8,
      'next-update-missing': 25,
      'next-update-not-after-this-update': 1,
      'next-update-passed': 1,
      'non-minimal-integer': 1,
      'nonce-not-octet-string': 1,
      'sct-list-empty': 1,
      'signature-algorithm-unsupported': 2,
      'signature-sha1': 39,
      'signer-key-weak': 3,
      'signer-signed-with-sha1': 4,
      'single-extension-critical': 1,
      'time-with-fraction': 2,
    })
  })
})

describe.skipIf(cases.length === 0)('requests that nobody here made', () => {
  test.each(requests)('$id: $why', (one) => {
    const bytes = one.bytes('request') ?? new Uint8Array()
    const ids = parseRequest(bytes)
    if ('kind' in ids) throw new Error(`${ids.field}: ${ids.problem}`)
    expect(ids.length).toBeGreaterThan(0)
    const certificate = certificateOf(one, 'cert')
    const issuer = certificateOf(one, 'issuer')
    if (certificate === undefined || issuer === undefined) return
    const own = certID(certificate, issuer)
    if (one.expect === 'bytes-equal') expect(hex(encodeRequest(own))).toBe(hex(bytes))
    const [received] = ids
    // RustCrypto's tests ask for the serial number 65537, whatever the certificate.
    const serial = one.folder === 'rustcrypto' ? '010001' : hex(own.serialNumber)
    expect(received && hex(received.serialNumber)).toBe(serial)
    if (received?.hashAlgorithm.oid !== SHA1) return
    expect(hex(received.issuerNameHash)).toBe(hex(own.issuerNameHash))
    expect(hex(received.issuerKeyHash)).toBe(hex(own.issuerKeyHash))
  })
})

describe.skipIf(cases.length === 0)('certificates that nobody here made', () => {
  test.each(certificates)('$id: $why', (one) => {
    const parsed = parseCertificate(one.bytes('cert') ?? new Uint8Array())
    const outcome = 'kind' in parsed ? 'malformed' : parsed.sloppiness.length > 0 ? 'sloppy' : 'DER'
    // What stands inside of the key is left to who uses the key.
    const isInsideOfKey = one.id === 'odd-integer-certs/xf-der-pubkey-rsa-nonminimal-int'
    const strict = isInsideOfKey || one.expect === 'parse-ok'
    expect(strict ? ['DER'] : ['malformed', 'sloppy']).toContain(outcome)
  })
})

/** The source's own verdict; where it says no more than that the response can be parsed, or nothing, OpenSSL's. */
function statedVerdict({ expect: own, openssl }: CorpusCase): string {
  return own === undefined || own === 'parse-ok' ? openssl : own
}

/** What is wrong with an explanation, given what the source says. Being stricter is right where a finding says why. */
function contradiction(explanation: Explanation, stated: string): string | undefined {
  const { status, canonical, notJudged, findings } = explanation
  const refusals = rejections(explanation)
  const isUnexplained = !canonical.accepted && refusals.length === 0 && notJudged.length === 0
  const isKnown = findings.some(({ rule }) => rule === 'response-status-not-successful')
  switch (stated) {
    case 'good':
      if (isUnexplained) return 'refused without a finding'
      return status === 'good' ? undefined : `status ${status}`
    case 'revoked':
    case 'unknown':
      if (canonical.accepted) return 'accepted'
      if (refusals.includes('single-responses-several')) return undefined
      return status === stated ? undefined : `status ${status}`
    case 'not-successful':
      return isKnown && !canonical.accepted ? undefined : 'no finding about its status'
    case 'invalid':
    case 'malformed':
      if (canonical.accepted) return 'accepted'
      return isUnexplained ? 'refused without a finding' : undefined
    case 'parse-ok':
      return refusals.includes('response-malformed') ? 'not parsed' : undefined
    default:
      return `a verdict that this test does not know: ${stated}`
  }
}

function rejections({ findings }: Explanation): readonly string[] {
  return findings.filter(({ level }) => level === 'reject').map(({ rule }) => rule)
}

function explained(one: CorpusCase): Explanation {
  return explain({
    response: one.bytes('response') ?? new Uint8Array(),
    certificate: certificateOf(one, 'cert'),
    issuer: certificateOf(one, 'issuer'),
    // Responses without a time have none in them either: error statuses.
    now: epochMs(Date.parse(one.at ?? '2022-01-14T00:00:00Z')),
    policy: defaultPolicy,
    servedChain: undefined,
  })
}

function certificateOf(one: CorpusCase, part: 'cert' | 'issuer'): Certificate | undefined {
  const der = one.bytes(part)
  if (der === undefined) return undefined
  const parsed = parseCertificate(der)
  if ('kind' in parsed) throw new Error(`${part} of ${one.id}: ${parsed.field}: ${parsed.problem}`)
  return parsed
}

function isPathOfIssuer({ id }: CorpusCase): boolean {
  return pathOfIssuer[id.replace('real-responders-2022/', '')] !== undefined
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

const SHA1 = '1.3.14.3.2.26'
