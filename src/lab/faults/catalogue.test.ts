import { describe, expect, it, test } from 'vitest'
import { iso } from '../../der/time.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import { testTransport } from '../../responders/_servers.ts'
import { isNotKnownYet, isRevocation, remedyOf } from '../../responders/fetch-failure.ts'
import { type FetchOutcome, fetchStaple } from '../../responders/fetch-staple.ts'
import { ask, askRaw, hierarchy, type Ward, ward } from './_exchange.ts'
import { catalogue, misbehaviour } from './catalogue.ts'
import type { Expected } from './misbehaviour.ts'

/**
 * What comes over the wire: by GET over a first connection, by GET over a second, by POST over a third. `good` and the rules that were met, or the
 * rules that refuse it; HTTP statuses but for 200; the name of an OCSP error.
 */
const seen: Readonly<Record<string, readonly [string, string, string]>> = {
  'body-of-one-byte': ['body-one-byte', 'good', 'body-one-byte'],
  'body-empty-by-get': ['body-empty', 'body-empty', 'good'],
  'path-normalised': ['400 malformedRequest', '400 malformedRequest', 'good'],
  'path-encoded-twice': ['malformedRequest', 'malformedRequest', 'good'],
  'get-not-allowed': ['405', '405', 'good'],
  'host-required': always('good'),
  'http-1.1-and-path-required': always('good'),
  'not-found-for-some-serial-numbers': ['404', 'good', '404'],
  'region-not-updated': [
    'next-update-passed this-update-too-old',
    'good',
    'next-update-passed this-update-too-old',
  ],
  'cache-outdated': always('next-update-passed'),
  'page-for-people': ['body-is-text', 'good', 'body-is-text'],
  'service-unavailable': ['503', 'good', '503'],
  'connection-reset': ['ECONNRESET', 'good', 'ECONNRESET'],
  'responder-shut-down': always('404'),
  'unauthorized-under-load': always('unauthorized'),
  'unauthorized-at-some-edges': ['unauthorized', 'good', 'unauthorized'],
  'new-ca-not-connected': ['unauthorized', '404', 'unauthorized'],
  'not-known-after-issuance': always('unauthorized'),
  'precertificate-unknown': ['status-unknown', 'unauthorized', 'status-unknown'],
  'unknown-though-issued': always('status-unknown'),
  'unauthorized-for-cross-signed-ca': always('unauthorized'),
  'revoked-by-mistake-at-some-edges': ['status-revoked', 'good', 'status-revoked'],
  'revoked-though-not-known-yet': always('status-not-issued'),
  'sha256-request-refused': always('good'),
  'try-later': always('tryLater'),
  'revoked-with-wrong-tags': always('response-malformed'),
  'refreshed-late': always('good renewed-late'),
  'validity-over-ten-days': always('good validity-over-ten-days'),
  'next-update-missing': always('next-update-missing'),
  'this-update-in-future': always('this-update-in-future'),
  'next-update-after-end-of-certificate': always('good'),
  'validity-of-five-minutes': always('good validity-very-short'),
  'next-update-before-this-update': [
    'next-update-passed next-update-not-after-this-update',
    'good',
    'next-update-passed next-update-not-after-this-update',
  ],
  'expires-and-stays': always('good'),
  'signer-ends-before-next-update': always('good'),
  'signer-expired': always('signer-expired'),
  'issuer-embedded': always('good embedded-certificates-in-direct-response'),
  'signer-not-first': always('good signer-not-first embedded-certificates-extra'),
  'signer-of-another-root': always('signer-not-issued-by-issuer'),
  'signer-without-ocsp-signing': always('signer-without-ocsp-signing'),
  'signer-with-other-key-usage': always('good signer-key-usage-without-signing'),
  'expect-continue-mishandled': always('good'),
  'sha256-cert-id-answered': always('cert-id-hash-not-sha1'),
  'ca-switched-to-sha256-cert-ids': always('cert-id-hash-not-sha1'),
  'several-single-responses': ['single-responses-several', 'single-responses-several', 'good'],
  'response-extensions-empty': always('extensions-empty'),
  'version-1-written-out': always('good'),
  'nonce-ignored': always('good'),
  'answers-for-former-certificate': ['cert-id-mismatch', 'cert-id-mismatch', 'good'],
  'periods-without-overlap': always('good'),
  'wrong-algorithm-named': always('signature-algorithm-mismatch'),
  'integer-not-minimal': always('non-minimal-integer'),
  'one-backend-of-six-dead': ['404', 'good', 'good'],
  'try-later-for-days': always('tryLater'),
  'slow-to-know': ['unauthorized', 'status-unknown', 'unauthorized'],
  'extra-certificates': always('good embedded-certificates-extra'),
}

function always(each: string): readonly [string, string, string] {
  return [each, each, each]
}

describe('the catalogue', () => {
  it('has all of section 4 and the six sick CAs', () => {
    const numbers = new Set(catalogue.map(({ number }) => number))
    const section4 = Array.from({ length: 46 }, (_, i) => i + 1)
    const seed = ([1, 2, 3, 4, 5, 6] as const).map((n) => `seed ${n}` as const)
    expect(numbers).toEqual(new Set([...section4, ...seed]))
  })

  it('gives each a name of its own', () => {
    const names = catalogue.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !/^[a-z0-9]+([.-][a-z0-9]+)*$/.test(name))).toEqual([])
    expect(() => misbehaviour('no-such-thing')).toThrow('"no-such-thing"')
  })
})

describe('over the wire', () => {
  test.each(catalogue)('$name is: $wire', async (each) => {
    await using here = await ward(each)
    const answers = [await ask(here), await ask(here), await ask(here, 'POST')]
    expect(answers).toEqual(seen[each.name])
  })

  test('cache-outdated has a newer one for who says no-cache', async () => {
    await using here = await ward(misbehaviour('cache-outdated'))
    for (const headers of [{ 'cache-control': 'no-cache' }, { pragma: 'no-cache' }]) {
      expect(await ask(here, 'GET', { headers })).toBe('good')
    }
  })

  test.each([
    ['host-required', 'GET /x HTTP/1.1\r\nConnection: close\r\n\r\n', '\x30\x03\x0a\x01\x06'],
    ['http-1.1-and-path-required', 'GET /x HTTP/1.0\r\n\r\n', 'HTTP/1.1 400 '],
    [
      'http-1.1-and-path-required',
      'GET http://ocsp.test HTTP/1.1\r\nHost: ocsp.test\r\nConnection: close\r\n\r\n',
      'HTTP/1.1 400 ',
    ],
  ])('%s refuses who is wrong: %j', async (name, request, expected) => {
    await using here = await ward(misbehaviour(name))
    expect(await askRaw(here, request)).toContain(expected)
  })

  test('expect-continue-mishandled answers about another certificate where Expect is sent', async () => {
    await using here = await ward(misbehaviour('expect-continue-mishandled'))
    expect(await ask(here, 'POST', { headers: { expect: '100-continue' } })).toBe(
      'cert-id-mismatch',
    )
  })
})

describe('fetchStaple()', () => {
  for (const each of catalogue) {
    const { name, expected, number } = each
    test(`${number} ${name}: ${expected}`, async () => {
      await using here = await ward(each)
      expect(treatment(await fetched(here))).toBe(expected)
    })
  }

  test.each([
    // Two hours less 1 %, five minutes at most: the signer ends first.
    ['signer-ends-before-next-update', '2026-11-24T05:58:48Z'],
    // Seven days after thisUpdate, less five minutes.
    ['validity-over-ten-days', '2026-12-01T02:55:00Z'],
    ['next-update-after-end-of-certificate', '2026-11-26T03:55:00Z'],
  ])('%s: usable until %s', async (name, until) => {
    await using here = await ward(misbehaviour(name))
    const outcome = await fetched(here)
    expect(outcome.kind === 'staple' && iso(outcome.staple.usableUntil)).toBe(until)
  })
})

/** What was made of a misbehaviour, in the words of the catalogue. */
function treatment(outcome: FetchOutcome): Expected {
  if (outcome.kind === 'staple') {
    if (outcome.attempts.length > 1) return 'immediate'
    return outcome.findings.length === 0 ? 'accept' : 'diagnose'
  }
  const { failure } = outcome
  if (isRevocation(failure) && !isNotKnownYet(failure)) return 'fatal'
  const remedy = remedyOf(failure)
  // Another connection or method was tried and did not help.
  return remedy === 'fatal' || remedy === 'diagnose' ? remedy : 'back-off'
}

async function fetched({ leaf, clock, responder }: Ward): Promise<FetchOutcome> {
  await using transport = testTransport({ clock })
  return await fetchStaple({
    certificate: leaf.certificate,
    issuer: hierarchy.issuer.certificate,
    urls: [responder.url],
    policy: defaultPolicy,
    signal: new AbortController().signal,
    transport,
    clock,
  })
}
