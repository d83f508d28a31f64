import { describe, expect, it, test } from 'vitest'
import { epochMs } from '../../der/time.ts'
import { pki } from '../_setup.ts'
import {
  decodeExpectStapleReport,
  type ExpectStapleReport,
  encodeExpectStapleReport,
} from './report.ts'

const report: ExpectStapleReport = {
  at: epochMs(1_795_478_400_000),
  host: 'www.example.org',
  port: 443,
  responseStatus: 'PROVIDED',
  certStatus: 'REVOKED',
  response: Buffer.from('30030a0106', 'hex'),
  servedChain: [pki.leaf.certificate.der, pki.issuer.certificate.der].map((der) => {
    return Buffer.from(der)
  }),
}
const body = JSON.parse(encodeExpectStapleReport(report))

function decoded(changes: object): ExpectStapleReport | string {
  return decodeExpectStapleReport(JSON.stringify({ ...body, ...changes }))
}

describe('a report', () => {
  it('is read as it was written', () => {
    expect(decoded({})).toEqual(report)
  })

  it('has the keys that Chrome sent', () => {
    expect(body).toEqual({
      'date-time': '2026-11-24T00:00:00Z',
      hostname: 'www.example.org',
      port: 443,
      'response-status': 'PROVIDED',
      'ocsp-response': 'MAMKAQY=',
      'cert-status': 'REVOKED',
      'served-certificate-chain': [pki.leaf.pem, pki.issuer.pem],
      'validated-certificate-chain': [],
    })
  })

  const withoutStaple = { 'ocsp-response': undefined, 'cert-status': undefined }
  const armored = '-----BEGIN OCSP RESPONSE-----\nMAMKAQY=\n-----END OCSP RESPONSE-----\n'
  test.each<[string, object, Partial<ExpectStapleReport>]>([
    ['no staple', withoutStaple, { response: undefined, certStatus: undefined }],
    ['the staple as PEM, as in the draft', { 'ocsp-response': armored }, {}],
    ['keys that nobody needs', { 'effective-expiration-date': 'x', other: {} }, {}],
    ['no chain', { 'served-certificate-chain': [] }, { servedChain: [] }],
    ['tenths of seconds', { 'date-time': '2026-11-24T00:00:00.0Z' }, {}],
    ['another time zone', { 'date-time': '2026-11-24T01:00:00+01:00' }, {}],
    ['a name in capitals, with its dot', { hostname: 'WWW.Example.org.' }, {}],
    ['an address', { hostname: '2001:db8::1' }, { host: '2001:db8::1' }],
  ])('may have %s', (_name, changes, expected) => {
    expect(decoded(changes)).toEqual({ ...report, ...expected })
  })

  it('may be wrapped as in the draft', () => {
    const text = JSON.stringify({ 'expect-staple-report': body })
    expect(decodeExpectStapleReport(text)).toEqual(report)
  })

  const [leaf] = body['served-certificate-chain']
  test.each<[string, object, RegExp]>([
    ['no time', { 'date-time': 'yesterday' }, /^date-time: /],
    ['a time before all', { 'date-time': '1969-12-31T23:59:59Z' }, /no clock shows$/],
    ['a time after all', { 'date-time': '9999-12-31T23:59:59-01:00' }, /no clock shows$/],
    ['no host name', { hostname: 'a b' }, /^hostname: is no host name$/],
    ['a long name', { hostname: 'a'.repeat(254) }, /^hostname: /],
    ['port 0', { port: 0 }, /^port: /],
    ['a port in words', { port: '443' }, /^port: /],
    ['another status', { 'response-status': 'NOT_CHECKED' }, /^response-status: /],
    ['bytes that are no base64', { 'ocsp-response': 'MAMK*QY=' }, /^ocsp-response: is no base64/],
    ['an empty staple', { 'ocsp-response': '' }, /^ocsp-response: is no base64/],
    ['no chain at all', { 'served-certificate-chain': undefined }, /^served-certificate-chain: /],
    ['a long chain', { 'served-certificate-chain': Array(11).fill(leaf) }, /^served-certif/],
    ['two in one', { 'served-certificate-chain': [leaf + leaf] }, /chain\.0: is no certificate/],
    ['a key', { 'served-certificate-chain': [leaf + pki.leaf.keyPem] }, /chain\.0: is no cert/],
  ])('with %s is refused', (_name, changes, problem) => {
    expect(decoded(changes)).toMatch(problem)
  })

  test.each(['', 'null', '[]', '{', '"MISSING"', '{"expect-staple-report":null}'])(
    '%s is none',
    (text) => {
      expect(decodeExpectStapleReport(text)).toEqual(expect.any(String))
    },
  )
})
