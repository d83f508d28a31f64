import { createHash } from 'node:crypto'
import type { SingleResponseKnobs } from '../response-builder.ts'
import { lying, saying } from './answers.ts'
import { onMethod, when } from './combine.ts'
import { type Exchange, type Fault, honest } from './fault.ts'
import type { Misbehaviour } from './misbehaviour.ts'

/** A right answer about another certificate of the same CA. */
export const aboutAnother: Fault = saying((exchange) => ({
  certID: certIDOf(exchange, { serialNumber: Uint8Array.of(0x2a, 0x2a) }),
}))

/** Names the certificate by SHA-256, whatever it was asked by. */
export const bySha256: Fault = saying((exchange) => ({
  certID: certIDOf(exchange, { hash: 'sha256' }),
}))

/** Responses about the wrong thing, and such as differ from what one expects of them. */
export const contents: readonly Misbehaviour[] = [
  {
    name: 'expect-continue-mishandled',
    number: 8,
    source: 'community.letsencrypt.org/t/100729 (Akamai)',
    wire: 'with Expect: 100-continue: a signed response about another certificate',
    expected: 'accept',
    fault: when(({ request }) => request.headers['expect'] !== undefined, aboutAnother),
  },
  {
    name: 'sha256-cert-id-answered',
    number: 23,
    source: 'ultimate-ca-manager#143',
    wire: 'the CertID is by SHA-256 although SHA-1 was asked',
    expected: 'fatal',
    fault: bySha256,
  },
  {
    name: 'ca-switched-to-sha256-cert-ids',
    number: 24,
    source: 'microsoft.com, December 2021',
    wire: 'every CertID of the CA is by SHA-256',
    expected: 'fatal',
    fault: bySha256,
  },
  {
    name: 'several-single-responses',
    number: 26,
    source: 'golang/go#30651',
    wire: 'GET: our certificate and another in one response',
    expected: 'immediate',
    fault: onMethod(
      'GET',
      lying((knobs, exchange) => ({
        ...knobs,
        responses: knobs.responses.flatMap((single) => [
          single,
          { ...single, certID: certIDOf(exchange, { serialNumber: Uint8Array.of(0x2a, 0x2a) }) },
        ]),
      })),
    ),
  },
  {
    name: 'response-extensions-empty',
    number: 29,
    source: 'bugzilla.mozilla.org 991898, 997994',
    wire: 'responseExtensions without an extension: A1 02 30 00',
    expected: 'fatal',
    fault: lying((knobs) => ({ ...knobs, responseExtensions: [] })),
  },
  {
    name: 'version-1-written-out',
    number: 30,
    source: 'bugzilla.mozilla.org 1031093',
    wire: 'version v1 although it is the default: A0 03 02 01 00',
    expected: 'accept',
    fault: lying((knobs) => ({ ...knobs, version: 0 })),
  },
  {
    name: 'nonce-ignored',
    number: 35,
    source: 'opnsense#2323; mod_md',
    wire: 'no nonce, whatever was asked',
    expected: 'accept',
    fault: honest,
  },
  {
    name: 'answers-for-former-certificate',
    number: 45,
    source: 'haproxy#2319, #3198; gogs#3592',
    wire: 'GET: the response about the certificate that was replaced by ours',
    expected: 'immediate',
    fault: onMethod('GET', aboutAnother),
  },
]

/** The CertID of the certificate asked for, but for `knobs`. */
function certIDOf(
  { issuer: { certificate }, request }: Exchange,
  {
    hash = 'sha1',
    serialNumber = Buffer.from(request.serialNumbers[0] ?? '', 'hex'),
  }: { readonly hash?: 'sha1' | 'sha256'; readonly serialNumber?: Uint8Array },
): SingleResponseKnobs['certID'] {
  // What is hashed is the issuer field of the leaf, which the lab writes as the issuer writes its subject.
  const issuerNameHash = createHash(hash).update(certificate.subject).digest()
  return { certificate, issuer: certificate, hash, issuerNameHash, serialNumber }
}
