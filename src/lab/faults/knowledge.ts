import { tags } from '../../der/tag.ts'
import { durationMs, type EpochMs, epochMs, HOUR_MS, MINUTE_MS, plus } from '../../der/time.ts'
import { derNull, explicit, text } from '../../der/writer.ts'
import { SHA1 } from '../../ocsp/request.ts'
import type { CertificateKnobs } from '../ca.ts'
import { extension } from '../certificate-extensions.ts'
import { httpError, lying, saying, tryLater, unauthorized } from './answers.ts'
import { alternating, firstFor, oneBackendOf, when } from './combine.ts'
import type { Fault } from './fault.ts'
import { bugzilla, type Misbehaviour } from './misbehaviour.ts'

/** Signed `unknown` (RFC 6960 §2.2). */
export const unknown: Fault = saying(() => ({ certStatus: 'unknown' }))

/** Signed `revoked`, since an hour ago, for keyCompromise. */
export const revoked: Fault = saying(({ request }) => ({
  certStatus: { revokedAt: plus(request.at, -HOUR_MS), reason: 1 },
}))

/** What a CA does not know of its own certificates, or says wrongly of their status. */
export const knowledge: readonly Misbehaviour[] = [
  {
    name: 'unauthorized-under-load',
    number: 9,
    source: 'community.letsencrypt.org/t/21965, 2016',
    wire: '200, unauthorized',
    expected: 'back-off',
    fault: unauthorized,
  },
  {
    name: 'unauthorized-at-some-edges',
    number: 10,
    source: bugzilla(1946927, 'Sectigo'),
    wire: 'one backend of two: unauthorized',
    expected: 'immediate',
    fault: oneBackendOf(2, unauthorized),
  },
  {
    name: 'new-ca-not-connected',
    number: 11,
    source: bugzilla(1985307, 'Sectigo'),
    wire: 'unauthorized and 404 in turn for all certificates of the CA',
    expected: 'back-off',
    fault: alternating(unauthorized, httpError(404)),
  },
  {
    name: 'not-known-after-issuance',
    number: 12,
    source: bugzilla(1905419, 'GoDaddy'),
    wire: 'unauthorized for an hour from the first request on',
    expected: 'back-off',
    fault: firstFor(durationMs(HOUR_MS), unauthorized),
    leaf: justIssued,
  },
  {
    name: 'precertificate-unknown',
    number: 13,
    source: `${bugzilla(1577652, 'Let’s Encrypt')}; ${bugzilla(2050383, 'ANF')}`,
    wire: 'signed unknown and unauthorized in turn for 15 minutes from the first request on',
    expected: 'back-off',
    fault: firstFor(durationMs(15 * MINUTE_MS), alternating(unknown, unauthorized)),
    leaf: justIssued,
  },
  {
    name: 'unknown-though-issued',
    number: 14,
    source: bugzilla(1957140, 'SSL.com'),
    wire: 'signed unknown',
    expected: 'back-off',
    fault: unknown,
  },
  {
    name: 'unauthorized-for-cross-signed-ca',
    number: 15,
    source: bugzilla(2014590, 'IdenTrust'),
    wire: '200, unauthorized',
    expected: 'back-off',
    fault: unauthorized,
  },
  {
    name: 'revoked-by-mistake-at-some-edges',
    number: 21,
    source: 'GlobalSign, October 2016 (Fastly advisory)',
    wire: 'one backend of two: signed revoked',
    expected: 'immediate',
    fault: oneBackendOf(2, revoked),
  },
  {
    name: 'revoked-though-not-known-yet',
    number: 22,
    source: 'RFC 6960 §2.2; Entrust PKI Hub, certificate profiles',
    wire: 'signed revoked since 1970-01-01, certificateHold, with the extended-revoke extension',
    expected: 'back-off',
    fault: lying((knobs) => ({
      ...knobs,
      responses: knobs.responses.map((single) => ({
        ...single,
        certStatus: { revokedAt: epochMs(0), reason: CERTIFICATE_HOLD },
      })),
      responseExtensions: [extension(EXTENDED_REVOKE, derNull())],
    })),
    leaf: justIssued,
  },
  {
    name: 'sha256-request-refused',
    number: 25,
    source: 'letsencrypt/boulder#1494',
    wire: 'unauthorized to a CertID with another hash than SHA-1',
    expected: 'accept',
    fault: when(
      ({ request }) => request.hashAlgorithms.some((algorithm) => algorithm !== SHA1),
      unauthorized,
    ),
  },
  {
    name: 'try-later',
    number: 41,
    source: 'Cloudflare, CA #4; Apache mod_ssl',
    wire: '200, tryLater',
    expected: 'back-off',
    fault: tryLater,
  },
  {
    name: 'revoked-with-wrong-tags',
    number: 43,
    source: 'letsencrypt/boulder#538',
    wire: 'revoked with its time as UTF8String: not to be read',
    expected: 'back-off',
    fault: saying(() => ({
      certStatus: explicit(1, text(tags.utf8String, '20261124040000Z')),
    })),
  },
]

/** A certificate that to the CA is not there yet. Its validity begins a little before, as with most CAs. */
export function justIssued(now: EpochMs): Partial<CertificateKnobs> {
  return { notBefore: plus(now, -HOUR_MS) }
}

const CERTIFICATE_HOLD = 6
/** id-pkix-ocsp-extended-revoke (RFC 6960 §4.4.8). */
const EXTENDED_REVOKE = '1.3.6.1.5.5.7.48.1.9'
