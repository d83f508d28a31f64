import { z } from 'zod'
import { type EpochMs, epochMs, iso } from '../../der/time.ts'
import { certificatePem, certificatesInPem } from '../../x509/pem.ts'

/** Words of the format for what a client made of the staple. */
export const responseStatuses = [
  'MISSING',
  'PROVIDED',
  'ERROR_RESPONSE',
  'BAD_PRODUCED_AT',
  'NO_MATCHING_RESPONSE',
  'INVALID_DATE',
  'PARSE_RESPONSE_ERROR',
  'PARSE_RESPONSE_DATA_ERROR',
] as const

/** Words of the format for what a staple said, as far as the client believed it. */
export const certStatuses = ['GOOD', 'REVOKED', 'UNKNOWN'] as const

export type ResponseStatus = (typeof responseStatuses)[number]
export type CertStatus = (typeof certStatuses)[number]

/** An Expect-Staple report: what a client says that it got. Nothing of it is trusted. */
export interface ExpectStapleReport {
  /** By the client's clock. */
  readonly at: EpochMs
  /** A name or an address, lower case, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  readonly responseStatus: ResponseStatus
  /** With `PROVIDED` only. */
  readonly certStatus: CertStatus | undefined
  /** The staple; `undefined` where there was none, or it is left out. */
  readonly response: Uint8Array | undefined
  /** As the server sent them, its own certificate first; bytes that nobody has read. */
  readonly servedChain: readonly Uint8Array[]
}

/**
 * Most that a report may have, in bytes: two chains of three certificates and a staple have 15 kB.
 */
export const MAX_REPORT_BYTES = 65_536

/**
 * Certificates of a chain. Clients build chains of four; some servers send a few that are not
 * needed.
 */
export const MAX_CHAIN = 10

/** The report in the form in which Chrome sent it, as `application/json`. */
export function encodeExpectStapleReport(report: ExpectStapleReport): string {
  const { at, host, port, responseStatus, certStatus, response, servedChain } = report
  return JSON.stringify({
    'date-time': iso(at),
    hostname: host,
    port,
    'response-status': responseStatus,
    'ocsp-response': response && Buffer.from(response).toString('base64'),
    'cert-status': certStatus,
    'served-certificate-chain': servedChain.map(certificatePem),
    // A chain is validated by browsers; who does not has none to show.
    'validated-certificate-chain': [],
  })
}

/**
 * The report in a body, in Chrome's form or in that of the draft; in words what is wrong with it.
 */
export function decodeExpectStapleReport(text: string): ExpectStapleReport | string {
  const parsed = bodyForm.safeParse(jsonOf(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return `${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'is no report'}`
  }
  const { data } = parsed
  return {
    at: data['date-time'],
    host: data.hostname,
    port: data.port,
    responseStatus: data['response-status'],
    certStatus: data['cert-status'],
    response: data['ocsp-response'],
    servedChain: data['served-certificate-chain'],
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The draft puts the report into an object of one key; Chrome sent it bare. */
function unwrapped(body: unknown): unknown {
  return typeof body === 'object' && body !== null && WRAPPER in body ? body[WRAPPER] : body
}

/** Chrome sent base64; the draft wants PEM, and says no label. */
function responseBytes(text: string): Buffer | undefined {
  const digits = text.replace(/-----(BEGIN|END) [A-Z ]{1,40}-----/g, '').replace(/\s+/g, '')
  const isBase64 = digits.length % 4 === 0 && BASE64.test(digits)
  return isBase64 ? Buffer.from(digits, 'base64') : undefined
}

function certificateBytes(text: string): Uint8Array | undefined {
  const { certificates, otherLabels, problems } = certificatesInPem(text)
  const isOne = certificates.length === 1 && otherLabels.length === 0 && problems.length === 0
  return isOne ? certificates[0]?.der : undefined
}

/** Reads a text; where it cannot be read, the whole report is refused with these words. */
function readBy<Value>(read: (text: string) => Value | undefined, problem: string) {
  return z.string().transform((text, context) => {
    const value = read(text)
    if (value !== undefined) return value
    context.addIssue(problem)
    return z.NEVER
  })
}

/** From then on, ISO 8601 writes years with a sign. In milliseconds since the epoch. */
const YEAR_10000 = 253_402_300_800_000
const WRAPPER = 'expect-staple-report'
const BASE64 = /^[A-Za-z\d+/]+={0,2}$/
/** Names as resolvers take them, underscores included, and addresses. */
const HOST = /^[\w.:-]{1,253}$/

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => epochMs(Date.parse(text)))
  .refine((at) => at >= 0 && at < YEAR_10000, 'is a time that no clock shows')
const host = z.string().regex(HOST, 'is no host name')

// What is not listed is stepped over: the draft has an effective-expiration-date, and both have a
// validated-certificate-chain.
const bodyForm = z.preprocess(
  unwrapped,
  z.object({
    'date-time': time,
    hostname: host.transform((name) => name.toLowerCase().replace(/\.$/, '')),
    port: z.int().min(1).max(65_535),
    'response-status': z.enum(responseStatuses),
    'cert-status': z.enum(certStatuses).optional(),
    'ocsp-response': readBy(responseBytes, 'is no base64').optional(),
    'served-certificate-chain': z
      .array(readBy(certificateBytes, 'is no certificate in PEM'))
      .max(MAX_CHAIN),
  }),
)
