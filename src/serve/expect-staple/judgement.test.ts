import { describe, expect, it, test } from 'vitest'
import { DAY_MS, HOUR_MS, MINUTE_MS, plus } from '../../der/time.ts'
import { buildResponse, type SingleResponseKnobs } from '../../lab/response-builder.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import { now, pki, staple } from '../_setup.ts'
import { entry, missing, record, withStaple } from './_setup.ts'
import { judgeReport } from './judgement.ts'
import type { ExpectStapleReport } from './report.ts'

function judged(report: ExpectStapleReport, of = entry()) {
  return judgeReport(report, { entry: of, policy: defaultPolicy, now })
}

/** A response of a day, which began an hour ago unless knobs say otherwise. */
function response(single: Partial<SingleResponseKnobs>, signer = pki.issuer): Uint8Array {
  const certID = { certificate: pki.leaf.certificate, issuer: pki.issuer.certificate }
  const times = { thisUpdate: plus(now, -HOUR_MS), nextUpdate: plus(now, DAY_MS) }
  return buildResponse({ signer, responses: [{ certID, ...times, ...single }] })
}

const old = { thisUpdate: plus(now, -2 * DAY_MS), nextUpdate: plus(now, -HOUR_MS) }
const other = { certificate: pki.issueLeaf().certificate, issuer: pki.issuer.certificate }

const crlOnly = entry({
  certificate: { ...record(pki.leaf), classification: 'crl-only' },
  staple: undefined,
})

describe('judgeReport()', () => {
  test.each<[string, Uint8Array, string, RegExp]>([
    ['has ended', response(old), 'next-update-passed', /^saw nextUpdate /],
    [
      'begins later',
      response({ thisUpdate: plus(now, HOUR_MS) }),
      'this-update-in-future',
      /ahead/,
    ],
    ['says revoked', response({ certStatus: { revokedAt: now } }), 'status-revoked', /revoked/],
    ['is of another certificate', response({ certID: other }), 'cert-id-mismatch', /serial/],
    ['a stranger signed', response({}, pki.root), 'signer-missing', /./],
    ['is an error', Buffer.from('30030a0103', 'hex'), 'response-status-not-successful', /tryLater/],
    ['is a page', Buffer.from('<html>502</html>'), 'body-is-text', /HTML/],
    ['is one byte', Buffer.from([0x30]), 'body-one-byte', /one byte/],
    ['is too large to read', Buffer.alloc(12_289, 0x30), 'response-too-large', /12289 bytes/],
  ])('says what is wrong with a staple that %s', (_name, bytes, reason, detail) => {
    expect(judged(withStaple(bytes))).toEqual({ reason, detail: expect.stringMatching(detail) })
  })

  test.each([
    [0, /says good and is acceptable; the client says INVALID_DATE; its clock agrees with ours$/],
    [3 * HOUR_MS, /by its clock it is .*Z, 3h ahead of ours$/],
    [-6 * MINUTE_MS, /by its clock it is .*Z, 6m behind ours$/],
  ])('looks at clocks where nothing is wrong: %s ms', (offset, detail) => {
    const report = { ...withStaple(staple.der), at: plus(now, offset) }
    expect(judged(report)).toEqual({
      reason: 'acceptable',
      detail: expect.stringMatching(detail),
    })
  })

  test.each([
    ['there is one', entry(), /there is one, usable until .*: look at how it gets to the server$/],
    ['there is none', entry({ staple: undefined }), /there is none: its CA was not asked yet$/],
    ['there can be none', crlOnly, /there is none, as the certificate is crl-only$/],
  ])('says of none sent that %s', (_name, of, detail) => {
    expect(judged(missing, of)).toEqual({
      reason: 'none-sent',
      detail: expect.stringMatching(detail),
    })
  })

  it('takes the word of the client for a certificate that is not managed', () => {
    const report = { ...withStaple(staple.der), responseStatus: 'PROVIDED' } as const
    const context = { entry: undefined, policy: defaultPolicy, now }
    expect(judgeReport({ ...report, certStatus: 'REVOKED' }, context)).toEqual({
      reason: 'PROVIDED REVOKED',
      detail: expect.stringContaining('not managed'),
    })
  })

  it('takes the word of the client where the report lacks the staple', () => {
    const report = { ...missing, responseStatus: 'PARSE_RESPONSE_ERROR' } as const
    expect(judged(report).reason).toBe('PARSE_RESPONSE_ERROR')
  })

  it('says where our issuer is missing', () => {
    const of = entry({ certificate: { ...record(pki.leaf), issuer: undefined } })
    expect(judged(withStaple(staple.der), of).reason).toBe('issuer-missing')
  })
})
