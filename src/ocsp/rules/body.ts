import { parseCertificate } from '../../x509/certificate.ts'
import { formatName } from '../../x509/name.ts'
import { allBut, clientLimits, clientNames, clientsOutside } from '../clients.ts'
import { parseRequest } from '../request.ts'
import { responseStatusName } from '../response.ts'
import { always, onResponse, type Rule } from '../rule.ts'
import type { Remedy } from '../verdict.ts'

export const bodyEmpty: Rule = {
  name: 'body-empty',
  meaning: 'The responder answered with no bytes at all, as some do when a proxy rewrote the URL.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'other-method',
  check: ({ body }) =>
    body.length === 0 ? { saw: 'an empty body', required: 'an OCSPResponse' } : undefined,
}

export const bodyOneByte: Rule = {
  name: 'body-one-byte',
  meaning: 'A delivery network served a body of one byte, as DigiCert’s did in 2019.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'other-connection',
  check: ({ body }) =>
    body.length === 1
      ? { saw: `a body of one byte, ${hexBytes(body)}`, required: 'an OCSPResponse' }
      : undefined,
}

export const bodyIsText: Rule = {
  name: 'body-is-text',
  meaning:
    'The body is text: an error page, a captive portal, a proxy’s notice, or PEM instead of DER.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'other-connection',
  check: ({ body, malformed }) =>
    malformed !== undefined && isText(body)
      ? {
          saw: `${kindOfText(body)}: ${beginning(body)}`,
          required: 'an OCSPResponse in DER',
        }
      : undefined,
}

export const responseMalformed: Rule = {
  name: 'response-malformed',
  meaning: 'The response cannot be read; the place where reading stopped is given.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'other-connection',
  check: ({ body, malformed }) =>
    malformed !== undefined && body.length > 1 && !isText(body)
      ? {
          saw: `${malformed.problem} at byte ${malformed.offset} of ${body.length}, in ${malformed.field}${otherKind(body)}`,
          required: 'a DER OCSPResponse',
        }
      : undefined,
}

export const responseStatusNotSuccessful: Rule = {
  name: 'response-status-not-successful',
  meaning:
    'The responder refused to answer. Such a response is unsigned and must never be stapled.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: allBut('gnutls'),
  refusedBy: always,
  remedy: 'back-off',
  check: onResponse(({ responseStatus: status }) =>
    status === 0
      ? undefined
      : {
          saw: `${responseStatusName(status)} (${status})`,
          required: 'successful (0)',
          remedy: statusRemedies.get(status) ?? 'back-off',
        },
  ),
}

export const responseBytesMissing: Rule = {
  name: 'response-bytes-missing',
  meaning: 'The responder says successful and gives no answer.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'other-connection',
  check: onResponse(({ responseStatus, responseType }) =>
    responseStatus === 0 && responseType === undefined
      ? { saw: 'no responseBytes', required: 'responseBytes' }
      : undefined,
  ),
}

export const responseTypeNotBasic: Rule = {
  name: 'response-type-not-basic',
  meaning: 'The answer is of a kind that no client knows.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'fatal',
  check: onResponse(({ responseType, basic }) =>
    responseType !== undefined && basic === undefined
      ? { saw: `responseType ${responseType}`, required: 'id-pkix-ocsp-basic' }
      : undefined,
  ),
}

export const responseTooLarge: Rule = {
  name: 'response-too-large',
  meaning: 'Servers and clients hold a staple in buffers of a fixed size; a larger one is dropped.',
  reference: 'nginx ngx_event_openssl_stapling.c, HAProxy tune.bufsize, wolfSSL MAX_HANDSHAKE_SZ',
  rejectedBy: ['mozpkix', 'curl', 'gnutls', 'wolfssl', 'nginx', 'haproxy'],
  remedy: 'diagnose',
  check: ({ body }) => {
    const rejectedBy = clientsOutside(({ maxSizeBytes }) => body.length <= maxSizeBytes)
    const least = Math.min(...rejectedBy.map((client) => clientLimits[client].maxSizeBytes))
    return rejectedBy.length === 0
      ? undefined
      : { saw: `${body.length} bytes`, required: `at most ${least} bytes`, rejectedBy }
  },
}

export const responseLargerThanPolicy: Rule = {
  name: 'response-larger-than-policy',
  meaning:
    'Clients that were tried take it, but it leaves little room in their buffers for the certificate chain beside it.',
  reference: 'policy: policy.maxSizeBytes',
  rejectedBy: [],
  refusedBy: ({ maxSizeBytes }) => Number.isFinite(maxSizeBytes),
  remedy: 'diagnose',
  check: ({ body, policy: { maxSizeBytes } }) =>
    body.length > maxSizeBytes
      ? { saw: `${body.length} bytes`, required: `at most ${maxSizeBytes} bytes` }
      : undefined,
}

const statusRemedies = new Map<number, Remedy>([
  // A GET whose base64 was mangled on the way; POST has no such way to go wrong.
  [1, 'other-method'],
  [2, 'other-connection'],
  [5, 'fatal'],
  // Some edges of a delivery network say unauthorized while the others answer (Mozilla bug 1946927).
  [6, 'other-connection'],
])

function isText(body: Uint8Array): boolean {
  const start = body.subarray(0, TEXT_SAMPLE)
  return start.length > 1 && start.every((b) => (b >= 0x20 && b < 0x7f) || b > 0x7f || isSpace(b))
}

function isSpace(octet: number): boolean {
  return octet === 0x09 || octet === 0x0a || octet === 0x0d
}

function kindOfText(body: Uint8Array): string {
  const text = textOf(body)
  if (/<(!doctype|html|head|body|title|script|\?xml)/i.test(text)) return 'HTML'
  if (/^-----BEGIN /m.test(text)) return 'PEM'
  return /^MI[\w+/=\s]+$/.test(text) ? 'base64' : 'text'
}

/** What a body that is no response is instead, where it is something else that CAs hand out. */
function otherKind(body: Uint8Array): string {
  const certificate = parseCertificate(body)
  if (!('kind' in certificate)) return `: it is a certificate, "${formatName(certificate.subject)}"`
  return 'kind' in parseRequest(body) ? '' : ': it is an OCSP request'
}

function beginning(body: Uint8Array): string {
  return JSON.stringify(textOf(body).replace(/\s+/g, ' ').trim().slice(0, 60))
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.subarray(0, TEXT_SAMPLE)).toString('latin1')
}

function hexBytes(body: Uint8Array): string {
  return `0x${Buffer.from(body).toString('hex').toUpperCase()}`
}

const TEXT_SAMPLE = 512
