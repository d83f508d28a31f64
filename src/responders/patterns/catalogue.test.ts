import { describe, expect, it, test } from 'vitest'
import { durationMs, HOUR_MS, MINUTE_MS } from '../../der/time.ts'
import { hierarchy, type Ward, ward } from '../../lab/faults/_exchange.ts'
import { catalogue, misbehaviour } from '../../lab/faults/catalogue.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import { logged } from '../../refresh/attempt-record.ts'
import { testTransport } from '../_servers.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import { unknownHabits } from '../cadence.ts'
import { fetchStaple } from '../fetch-staple.ts'
import { findPatterns } from './find-patterns.ts'

/**
 * The patterns that a day of a misbehaviour shows; why there is none for the others is said below.
 */
const seen: Readonly<Record<string, readonly string[]>> = {
  'body-of-one-byte': ['one-failed-backend', 'page-for-people'],
  'body-empty-by-get': ['get-refused', 'page-for-people'],
  'path-normalised': ['get-refused'],
  'path-encoded-twice': ['get-refused'],
  'get-not-allowed': ['get-refused'],
  // Of two backends in turn the bad one has every GET request and the good one every POST: it looks
  // the same.
  'not-found-for-some-serial-numbers': ['get-refused'],
  'region-not-updated': ['outdated-answers'],
  'cache-outdated': ['outdated-answers'],
  'page-for-people': ['one-failed-backend', 'page-for-people'],
  'service-unavailable': ['one-failed-backend'],
  'connection-reset': ['one-failed-backend'],
  'responder-shut-down': ['responder-away'],
  'unauthorized-under-load': ['unauthorized-for-all'],
  'unauthorized-at-some-edges': ['one-failed-backend'],
  'new-ca-not-connected': ['unauthorized-for-all'],
  'unknown-though-issued': ['unauthorized-for-all'],
  'unauthorized-for-cross-signed-ca': ['unauthorized-for-all'],
  'revoked-by-mistake-at-some-edges': ['revoked-answers'],
  'revoked-though-not-known-yet': ['slow-to-know-new-certificates'],
  'not-known-after-issuance': ['slow-to-know-new-certificates'],
  'slow-to-know': ['slow-to-know-new-certificates'],
  'try-later': ['try-later-storm'],
  'revoked-with-wrong-tags': ['other-faults-in-answers'],
  'refreshed-late': ['refreshed-late'],
  'next-update-missing': ['other-faults-in-answers'],
  'this-update-in-future': ['clock-ahead'],
  'next-update-before-this-update': ['outdated-answers'],
  'expires-and-stays': ['outdated-answers'],
  'signer-expired': ['signer-not-authorized'],
  'signer-of-another-root': ['signer-not-authorized'],
  'signer-without-ocsp-signing': ['signer-not-authorized'],
  'sha256-cert-id-answered': ['sha256-cert-id'],
  'ca-switched-to-sha256-cert-ids': ['sha256-cert-id'],
  'several-single-responses': ['other-faults-in-answers'],
  'response-extensions-empty': ['other-faults-in-answers'],
  'answers-for-former-certificate': ['wrong-certificate-answered'],
  'wrong-algorithm-named': ['signature-algorithm-mismatch'],
  'integer-not-minimal': ['integers-not-minimal'],
  'one-backend-of-six-dead': ['one-failed-backend'],
  'try-later-for-days': ['try-later-storm'],
  'extra-certificates': ['extra-certificates'],
  'issuer-embedded': ['extra-certificates'],
  'signer-not-first': ['extra-certificates'],
}

/**
 * No pattern: the answers are good, or were mended, or the fault shows in habits, or is over before
 * the second fetch.
 */
const unseen: readonly string[] = [
  ...['host-required', 'http-1.1-and-path-required', 'sha256-request-refused', 'nonce-ignored'],
  ...['expect-continue-mishandled', 'version-1-written-out', 'signer-with-other-key-usage'],
  ...['signer-ends-before-next-update'],
  ...['validity-over-ten-days', 'validity-of-five-minutes', 'next-update-after-end-of-certificate'],
  ...['periods-without-overlap', 'precertificate-unknown'],
]

describe('findPatterns()', () => {
  it('is tried with every misbehaviour', () => {
    const tried = [...Object.keys(seen), ...unseen].toSorted()
    expect(tried).toEqual(catalogue.map(({ name }) => name).toSorted())
  })
  test.each(catalogue)('in the log of a day with $name', async (each) => {
    await using here = await ward(each)
    expect(found(await logOf(here, HOUR_MS))).toEqual(seen[each.name] ?? [])
  })
  test.each(['not-known-after-issuance', 'precertificate-unknown', 'slow-to-know'])(
    'in the first hours of a new certificate with %s',
    async (name) => {
      await using here = await ward(misbehaviour(name))
      expect(found(await logOf(here, 6 * MINUTE_MS))).toEqual(['slow-to-know-new-certificates'])
    },
  )
})

function found(attempts: readonly LoggedAttempt[]): readonly string[] {
  return findPatterns({ attempts, habits: unknownHabits }).map(({ pattern }) => pattern)
}

/** What is logged of 24 fetches, each over connections of its own. */
async function logOf(
  { leaf, clock, responder }: Ward,
  every: number,
): Promise<readonly LoggedAttempt[]> {
  const { issuer } = hierarchy
  const log: LoggedAttempt[] = []
  for (let fetches = 0; fetches < 24; fetches++) {
    await using transport = testTransport({ clock })
    const { certificate } = leaf
    const outcome = await fetchStaple({
      certificate,
      issuer: issuer.certificate,
      urls: [responder.url],
      policy: defaultPolicy,
      signal: new AbortController().signal,
      transport,
      clock,
    })
    const findings = outcome.kind === 'staple' ? outcome.findings : []
    const about = { id: 'a', certificate, held: undefined, findings }
    log.push(...outcome.attempts.map((each) => logged(each, about)))
    await clock.advance(durationMs(every))
  }
  return log
}
