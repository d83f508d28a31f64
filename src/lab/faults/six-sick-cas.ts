import {
  DAY_MS,
  type DurationMs,
  durationMs,
  epochMs,
  HOUR_MS,
  MINUTE_MS,
  plus,
  SECOND_MS,
} from '../../der/time.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type LabCertificate, makeCertificate } from '../ca.ts'
import { makeKeyRing } from '../keys.ts'
import { signatureAlgorithm } from '../signing.ts'
import { httpError, lying, saying, tryLater, unauthorized } from './answers.ts'
import { alternating, firstFor, onAddress, oneBackendOf, sinceStartFor } from './combine.ts'
import { type Fault, honest } from './fault.ts'
import { justIssued, unknown } from './knowledge.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import { delegating } from './signers.ts'

/**
 * Periods of validity that begin when the responder starts and follow each other without overlap: the next response appears one second before the
 * last one ends, so that a fresh one cannot be had at every moment.
 */
export function withoutOverlap(validity: DurationMs): Fault {
  return saying(({ request: { at }, startedAt }) => {
    const first = startedAt - (startedAt % SECOND_MS)
    const period = Math.floor((at + SECOND_MS - first) / validity)
    const thisUpdate = epochMs(first + period * validity)
    return { thisUpdate, nextUpdate: plus(thisUpdate, validity) }
  })
}

/** 404 to everything at these addresses of the responder, as from the dead ones of several that a host name has. */
export function deadAt(...addresses: readonly string[]): Fault {
  return addresses.reduce<Fault>(
    (others, address) => onAddress(address, httpError(404), others),
    honest,
  )
}

/** The six sick CAs of Cloudflare's "High-reliability OCSP stapling and why it matters" (2017). */
export const sixSickCas: readonly Misbehaviour[] = [
  {
    name: 'periods-without-overlap',
    number: 'seed 1',
    source: 'Cloudflare, CA #1',
    wire: 'periods of one hour; the next response appears a second before the last one ends',
    expected: 'accept',
    fault: withoutOverlap(durationMs(HOUR_MS)),
  },
  {
    name: 'wrong-algorithm-named',
    number: 'seed 2',
    source: 'Cloudflare, CA #2',
    wire: 'signatureAlgorithm says SHA-256, the signature is over SHA-1',
    expected: 'fatal',
    fault: lying((knobs) => {
      const family = knobs.signer.key.asymmetricKeyType === 'ec' ? 'ecdsa' : 'rsa'
      const claimed = signatureAlgorithm(`${family}-sha256`)
      return { ...knobs, signWith: `${family}-sha1`, signatureAlgorithm: claimed }
    }),
  },
  {
    name: 'integer-not-minimal',
    number: 'seed 3',
    source: 'Cloudflare, CA #3',
    wire: 'serialNumber begins with two octets 0x00, in the certificate and in the response',
    // Read, as Cloudflare came to do, and named; but hardly a client reads it, and even the certificate is none to most.
    expected: 'fatal',
    fault: honest,
    leaf: () => ({ serialNumber: Uint8Array.of(0x00, 0x00, 0x5a, 0x3c, 0x91, 0x07) }),
  },
  {
    name: 'one-backend-of-six-dead',
    number: 'seed 4',
    source: 'Cloudflare, CA #4',
    wire: 'one connection of six: 404 to everything',
    expected: 'immediate',
    fault: oneBackendOf(6, httpError(404)),
  },
  {
    name: 'try-later-for-days',
    number: 'seed 4',
    source: 'Cloudflare, CA #4',
    wire: 'tryLater for three days from the start on',
    expected: 'back-off',
    fault: sinceStartFor(durationMs(3 * DAY_MS), tryLater),
  },
  {
    name: 'slow-to-know',
    number: 'seed 5',
    source: 'Cloudflare, CA #5',
    wire: 'unauthorized and signed unknown in turn for ten minutes from the first request on',
    expected: 'back-off',
    fault: firstFor(durationMs(10 * MINUTE_MS), alternating(unauthorized, unknown)),
    leaf: justIssued,
  },
  {
    name: 'extra-certificates',
    number: 'seed 6',
    source: 'Cloudflare, CA #6',
    wire: 'the delegated signer’s certificate, the issuer’s and everything up to the root',
    expected: 'diagnose',
    fault: delegating(
      () => ({}),
      (signer, issuer) => [signer.der, issuer.der, rootOf(issuer.certificate).der],
    ),
  },
]

/** A self-signed certificate with the name of the issuer's issuer: as good as the root's own here, as nobody verifies by it. */
function rootOf({ issuer, notBefore, notAfter }: Certificate): LabCertificate {
  const key = keys('root', 'prime256v1')
  return makeCertificate({ subject: issuer, key, notBefore, notAfter, isCa: true })
}

const keys = makeKeyRing()
