import { describe, expect, it, test } from 'vitest'
import { DAY_MS, plus } from '../der/time.ts'
import { errorResponse } from '../lab/response-builder.ts'
import { explain } from '../ocsp/explain.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import type { Certificate } from '../x509/certificate.ts'
import { now, pki, staple } from './_setup.ts'
import { type Conduct, conductsOf } from './conduct.ts'
import { outcomeOf } from './outcome.ts'

const other = pki.issueLeaf().certificate
const days = (count: number) => plus(now, count * DAY_MS)
const mustStaple = pki.issueLeaf({ tlsFeatures: [5] }).certificate
const features = pki.issueLeaf({ tlsFeatures: [5, 17] }).certificate
const quiet = pki.issueLeaf({ ocspUrls: [] }).certificate

function sent(
  response: Uint8Array | undefined,
  certificate = pki.leaf.certificate,
  distrust?: string,
) {
  const issuer = pki.issuer.certificate
  const judged = { certificate, issuer, now, policy: defaultPolicy, servedChain: undefined }
  const explanation = response && explain({ response, ...judged })
  const outcome = outcomeOf(certificate, explanation)
  return { certificate, outcome, explanation, distrust }
}

function inShort({ connects, error }: Conduct): string {
  return connects ? 'connects' : (error ?? 'refuses')
}

describe('a staple that says or is', () => {
  // As Firefox ESR 153 does with a must-staple certificate, seen by test/e2e/firefox.test.ts.
  test.each<[string, Uint8Array, string, string, string]>([
    ['good', staple(), 'stapled', 'connects', 'connects'],
    [
      'revoked',
      staple({ certStatus: { revokedAt: days(-1) } }),
      'revoked',
      'refuses',
      'SEC_ERROR_REVOKED_CERTIFICATE',
    ],
    [
      'unknown',
      staple({ certStatus: 'unknown' }),
      'unknown',
      'connects',
      'SEC_ERROR_OCSP_UNKNOWN_CERT',
    ],
    [
      'expired',
      staple({ thisUpdate: days(-5), nextUpdate: days(-3) }),
      'expired',
      'connects',
      'connects',
    ],
    [
      'of the future',
      staple({ thisUpdate: days(2), nextUpdate: days(3) }),
      'not-yet-valid',
      'connects',
      'SEC_ERROR_OCSP_FUTURE_RESPONSE',
    ],
    [
      'about another certificate',
      staple({ certID: { certificate: other, issuer: pki.issuer.certificate } }),
      'wrong-certificate',
      'connects',
      'connects',
    ],
    [
      'changed',
      staple({}, { signature: (right) => right.with(-1, (right.at(-1) ?? 0) ^ 1) }),
      'bad-signature',
      'connects',
      'SEC_ERROR_OCSP_BAD_SIGNATURE',
    ],
    ['by a stranger', staple({}, { signer: pki.leaf }), 'bad-signature', 'connects', 'connects'],
    ['tryLater', errorResponse(3), 'error-response', 'connects', 'connects'],
    [
      'unauthorized',
      errorResponse(6),
      'error-response',
      'connects',
      'SEC_ERROR_OCSP_UNAUTHORIZED_REQUEST',
    ],
    ['a text', Buffer.from('hello'), 'malformed', 'connects', 'SEC_ERROR_OCSP_MALFORMED_RESPONSE'],
  ])('%s', (_, response, outcome, softFail, mustStapleBrowser) => {
    const it = sent(response)
    const conducts = conductsOf(it)
    expect(it.outcome).toBe(outcome)
    expect(inShort(conducts.hardFail)).toBe(outcome === 'stapled' ? 'connects' : 'refuses')
    expect(inShort(conducts.softFail)).toBe(softFail)
    expect(inShort(conducts.mustStapleBrowser)).toBe(mustStapleBrowser)
  })
})

describe('no staple', () => {
  const FEATURE = 'MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING'
  test.each<[string, Certificate, string, string]>([
    ['of a must-staple certificate', mustStaple, 'none-sent', FEATURE],
    ['of a certificate that asks for more', features, 'none-sent', FEATURE],
    ['of an ordinary certificate', pki.leaf.certificate, 'none-sent', 'connects'],
    ['of a certificate without OCSP', quiet, 'no-ocsp-url', 'connects'],
  ])('%s', (_, certificate, outcome, mustStapleBrowser) => {
    const it = sent(undefined, certificate)
    const conducts = conductsOf(it)
    expect(it.outcome).toBe(outcome)
    expect(inShort(conducts.hardFail)).toBe('refuses')
    expect(inShort(conducts.softFail)).toBe('connects')
    expect(inShort(conducts.mustStapleBrowser)).toBe(mustStapleBrowser)
  })
})

describe('a chain that is not trusted', () => {
  it('is refused by all, for that reason unless there is one in the staple', () => {
    const good = conductsOf(sent(staple(), undefined, 'CERT_HAS_EXPIRED'))
    expect(Object.values(good).map(inShort)).toEqual(['refuses', 'refuses', 'refuses'])
    expect(good.hardFail.why).toBe('the certificate is not trusted: CERT_HAS_EXPIRED')
    const none = conductsOf(sent(undefined, undefined, 'CERT_HAS_EXPIRED'))
    expect(none.hardFail.why).toBe('there is no staple')
  })
})

describe('a chain without its issuer', () => {
  it('leaves the staple unverified, which is no good outcome', () => {
    const { certificate } = pki.leaf
    const about = { certificate, issuer: undefined, now, policy: defaultPolicy }
    const explanation = explain({ response: staple(), ...about, servedChain: [certificate] })
    const outcome = outcomeOf(certificate, explanation)
    expect(outcome).toBe('issuer-missing')
    const conducts = conductsOf({ certificate, outcome, explanation, distrust: undefined })
    expect(inShort(conducts.hardFail)).toBe('refuses')
    expect(conducts.softFail.why).toBe('nothing is wrong that can be seen')
  })
})
