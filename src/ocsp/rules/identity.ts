import { iso } from '../../der/time.ts'
import { allBut, type ClientName, clientNames } from '../clients.ts'
import { type CertIDMatch, type Facts, isMatch, matchCertID } from '../facts.ts'
import { SHA1 } from '../request.ts'
import type { OcspResponse, SingleResponse } from '../response.ts'
import { always, onBasic, onSingle, type Rule } from '../rule.ts'

export const singleResponseMissing: Rule = {
  name: 'single-response-missing',
  meaning: 'The response is signed and says nothing about any certificate.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'other-connection',
  check: onBasic(({ responses }) =>
    responses.length === 0 ? { saw: 'no SingleResponse', required: 'exactly one' } : undefined,
  ),
}

export const certIDMismatch: Rule = {
  name: 'cert-id-mismatch',
  meaning: 'The response is about another certificate, or another issuer, than the one asked for.',
  reference: 'RFC 6960 §3.2 (1)',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'other-connection',
  check: onSingle((single, { match, response, certificate }) => {
    if (match === undefined || isMatch(match)) return undefined
    return {
      saw: mismatch(match, single, response?.bytes ?? new Uint8Array()),
      required: `the certificate’s own, serialNumber ${hex(certificate?.serialNumber)}`,
      rejectedBy: mismatchRejectedBy(match),
    }
  }),
}

export const certIDHashNotSha1: Rule = {
  name: 'cert-id-hash-not-sha1',
  meaning:
    'The responder names the certificate by another hash than asked for; most clients look for SHA-1 only.',
  reference: 'RFC 9919 §3.1.1; curl, nginx, HAProxy, OpenSSL, OpenJDK, wolfSSL',
  rejectedBy: ['openssl', 'curl', 'openjdk', 'wolfssl', 'nginx', 'haproxy'],
  remedy: 'fatal',
  check: onSingle(({ hashAlgorithm }) =>
    hashAlgorithm.oid === SHA1
      ? undefined
      : { saw: `CertID with ${hashName(hashAlgorithm.oid)}`, required: 'SHA-1, as was asked' },
  ),
}

export const statusRevoked: Rule = {
  name: 'status-revoked',
  meaning:
    'The CA says that the certificate is revoked: replace it. Stapling this would break every client.',
  reference: 'RFC 6960 §2.2',
  rejectedBy: allBut('haproxy'),
  refusedBy: always,
  toleratedBy: ({ revoked }) => revoked === 'staple',
  remedy: 'other-connection',
  check: onSingle(({ certStatus }) =>
    certStatus.status === 'revoked' && !isOfNeverIssued(certStatus)
      ? {
          saw: `revoked at ${iso(certStatus.revocationTime)}${reasonText(certStatus.reason)}`,
          required: 'good',
        }
      : undefined,
  ),
}

export const statusNotIssued: Rule = {
  name: 'status-not-issued',
  meaning:
    'The responder says “revoked since 1970” of certificates that it never heard of, as of those that were just issued.',
  reference: 'RFC 6960 §2.2',
  rejectedBy: allBut('haproxy'),
  refusedBy: always,
  remedy: 'back-off',
  check: onSingle(({ certStatus }) =>
    certStatus.status === 'revoked' && isOfNeverIssued(certStatus)
      ? {
          saw: `revoked at ${iso(certStatus.revocationTime)}${reasonText(certStatus.reason)}`,
          required: 'good',
        }
      : undefined,
  ),
}

export const statusUnknown: Rule = {
  name: 'status-unknown',
  meaning: 'The responder does not know the certificate, often because it was just issued.',
  reference: 'RFC 6960 §2.2',
  rejectedBy: allBut('gnutls'),
  refusedBy: always,
  remedy: 'back-off',
  check: onSingle(({ certStatus }) =>
    certStatus.status === 'unknown' ? { saw: 'unknown', required: 'good' } : undefined,
  ),
}

export const singleResponsesSeveral: Rule = {
  name: 'single-responses-several',
  meaning: 'The response speaks of several certificates; clients differ in which entry they read.',
  reference: 'HAProxy ssl_ocsp.c, GnuTLS cert-session.c, RFC 9919 §3.2.1',
  rejectedBy: ['haproxy', 'gnutls', 'wolfssl', 'openjdk', 'mozpkix', 'boringssl'],
  remedy: 'other-method',
  check: onBasic(({ responses }, facts) => {
    if (responses.length < 2) return undefined
    return {
      saw: `${responses.length} SingleResponses`,
      required: 'exactly one',
      rejectedBy: severalRejectedBy(responses, facts),
    }
  }),
}

/** RFC 6960 §2.2: certificateHold, and 1 January 1970. */
function isOfNeverIssued({ revocationTime, reason }: Revoked): boolean {
  return revocationTime === 0 && reason !== undefined && reasons[reason] === 'certificateHold'
}

type Revoked = Extract<SingleResponse['certStatus'], { status: 'revoked' }>

function mismatchRejectedBy({ name, key, serial }: CertIDMatch): readonly ClientName[] {
  if (serial === 'other') return clientNames
  if (serial === 'padded') return name && key !== false ? allBut('openjdk') : clientNames
  // Go compares the serial alone, GnuTLS name and serial.
  return name ? allBut('go', 'gnutls') : allBut('go')
}

function mismatch(
  { name, key, serial }: CertIDMatch,
  single: SingleResponse,
  bytes: Uint8Array,
): string {
  const { start, end } = single.serialNumber
  const wrong = [
    ...(serial === 'same' ? [] : [`serialNumber ${hex(bytes.subarray(start, end))}`]),
    ...(name ? [] : ['issuerNameHash']),
    ...(key === false ? ['issuerKeyHash'] : []),
  ]
  return `CertID with another ${wrong.join(' and ')}`
}

function severalRejectedBy(
  responses: readonly SingleResponse[],
  facts: Facts & { response: OcspResponse },
): readonly ClientName[] {
  const rejectedBy = new Set<ClientName>(['haproxy'])
  const first = responses[0]
  if (first !== undefined && isOther(first, facts)) rejectedBy.add('gnutls')
  const nonSha1 = responses.some(({ hashAlgorithm }) => hashAlgorithm.oid !== SHA1)
  const late = responses.some(
    ({ nextUpdate }) => nextUpdate !== undefined && nextUpdate < facts.now,
  )
  if (nonSha1 || late) rejectedBy.add('wolfssl')
  if (late) rejectedBy.add('openjdk')
  for (const client of ambiguousTo(responses, facts)) rejectedBy.add(client)
  if (responses.some((single) => single.singleExtensions.some(({ critical }) => critical))) {
    rejectedBy.add('boringssl').add('openjdk')
  }
  return clientNames.filter((client) => rejectedBy.has(client))
}

/** Clients that read a worse status about our certificate from another entry: NSS revoked before good, BoringSSL and OpenJDK unknown too. */
function ambiguousTo(
  responses: readonly SingleResponse[],
  facts: Facts & { response: OcspResponse },
): readonly ClientName[] {
  const ours = responses.filter((single) => !isOther(single, facts))
  const statuses = new Set(ours.map(({ certStatus }) => certStatus.status))
  if (statuses.has('revoked')) return ['mozpkix', 'boringssl', 'openjdk']
  return statuses.has('unknown') ? ['boringssl', 'openjdk'] : []
}

function isOther(
  single: SingleResponse,
  { response, certificate, issuer }: Facts & { response: OcspResponse },
): boolean {
  if (certificate === undefined) return false
  return !isMatch(matchCertID(response, single, certificate, issuer))
}

function reasonText(reason: number | undefined): string {
  return reason === undefined ? '' : `, reason ${reasons[reason] ?? reason}`
}

function hashName(oid: string): string {
  return hashNames.get(oid) ?? oid
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes).toString('hex')
}

const hashNames = new Map([
  ['2.16.840.1.101.3.4.2.1', 'SHA-256'],
  ['2.16.840.1.101.3.4.2.2', 'SHA-384'],
  ['2.16.840.1.101.3.4.2.3', 'SHA-512'],
])

/** CRLReason (RFC 5280 §5.3.1). */
const reasons = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
]
