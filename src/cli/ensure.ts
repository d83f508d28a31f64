import { resolve } from 'node:path'
import { request } from 'undici'
import { type DurationMs, durationMs, SECOND_MS } from '../der/time.ts'
import { type EnsureAnswer, MAX_WAIT } from '../serve/api/api.ts'
import type { Clock } from '../time/clock.ts'
import { formatDuration, parseDuration } from '../time/duration.ts'
import { certificatePem } from '../x509/pem.ts'
import { readGivenCertificate } from './given-files.ts'
import {
  type ServiceConnection,
  type ServiceFlags,
  serviceConnection,
} from './service-connection.ts'
import { type ExitStatus, oneLine, paint, type Terminal, UsageError } from './terminal.ts'

/** What `everstaple ensure` takes. */
export interface EnsureOptions extends ServiceFlags {
  readonly wait: string
  readonly issuer?: string | undefined
  readonly onEdges?: boolean | undefined
  readonly json?: boolean | undefined
}

/**
 * Has the service keep a staple for a certificate, and waits for it: status 0 when the staple is stored and every output has taken it, or when
 * the certificate can have none; 1 when that took too long.
 */
export async function ensureCommand(
  path: string,
  options: EnsureOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
): Promise<ExitStatus> {
  const wait = givenWait(options.wait)
  await using service = await serviceConnection(options, durationMs(wait + ANSWER_WITHIN))
  const { certificate, issuer } = await readGivenCertificate(path, options.issuer, clock.now())
  const body = [certificate, ...(issuer === undefined ? [] : [issuer])]
    .map(({ der }) => certificatePem(der))
    .join('')
  const url = new URL('/v1/certificates', service.url)
  url.searchParams.set('wait', `${wait}ms`)
  if (options.onEdges) url.searchParams.set('edges', 'every')
  if (path !== '-') url.searchParams.set('file', resolve(path))
  const answer = await put(url, body, service)
  if (options.json) terminal.out(JSON.stringify(answer))
  else terminal.out(describe(path, answer, { terminal, wait }))
  return answer.outcome === 'waiting' ? 1 : 0
}

function givenWait(text: string): DurationMs {
  const wait = parseDuration(text)
  if (wait !== undefined && wait <= MAX_WAIT) return wait
  throw new UsageError(
    `--wait '${text}' is not a length of time of at most ${formatDuration(MAX_WAIT)}`,
    'write it as 30s or 2m',
  )
}

async function put(
  url: URL,
  body: string,
  { dispatcher, headers }: Pick<ServiceConnection, 'dispatcher' | 'headers'>,
): Promise<EnsureAnswer> {
  const sent = { method: 'PUT', body, headers: { ...headers, ...TYPE }, dispatcher } as const
  const response = await request(url, sent).catch((error: unknown) => {
    const { problem, hint } = whyUnreachable(error)
    throw new UsageError(`${url.origin}: ${problem}`, hint)
  })
  const answer: unknown = await response.body.json().catch(() => undefined)
  if (isAnswer(answer)) return answer
  const { error } = isObject(answer) ? answer : {}
  if (typeof error === 'string' && response.statusCode !== 404) {
    throw new Error(`${url.origin} refused: ${error}`)
  }
  throw new UsageError(
    `${url.origin} answered ${response.statusCode}, and is no everstaple with this API`,
    START,
  )
}

/** The API's answer is trusted as far as it is the operator's own service. */
function isAnswer(value: unknown): value is EnsureAnswer {
  return isObject(value) && typeof value['outcome'] === 'string' && 'certificate' in value
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function whyUnreachable(error: unknown): { readonly problem: string; readonly hint: string } {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'ECONNREFUSED':
      return { problem: 'no service listens there', hint: START }
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
      return { problem: 'the connection was closed before an answer came', hint: ENDED }
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return { problem: `its certificate is not trusted (${code})`, hint: 'name its CA with --ca' }
    default: {
      const message = error instanceof Error ? error.message : String(error)
      return { problem: `cannot be asked (${message})`, hint: START }
    }
  }
}

function describe(
  path: string,
  { outcome, missing, certificate }: EnsureAnswer,
  { terminal, wait }: { readonly terminal: Terminal; readonly wait: DurationMs },
): string {
  const name = oneLine(certificate?.name ?? path)
  switch (outcome) {
    case 'ready': {
      const until = certificate?.staple?.usableUntil ?? 'an unknown time'
      return `${paint(terminal, 'green', '+')} ${name}: stapled until ${until}, ${taken(certificate)}`
    }
    case 'needs-no-staple':
      return `${paint(terminal, 'green', '+')} ${name}: names no OCSP responder (${certificate?.classification}): no staple is needed`
    case 'waiting':
      return `${paint(terminal, 'red', '-')} ${name}: not ready within ${formatDuration(wait)}: ${oneLine(missing ?? '')}`
  }
}

function taken(certificate: EnsureAnswer['certificate']): string {
  const { sources = [], outputs = [] } = certificate ?? {}
  if (outputs.length > 0) {
    return `taken by ${outputs.map(({ place }) => oneLine(place)).join(', ')}`
  }
  return sources.join() === 'api'
    ? 'served by the OCSP endpoint; outputs take it when its file is where everstaple watches'
    : 'served by the OCSP endpoint'
}

const TYPE = { 'Content-Type': 'application/pem-certificate-chain' }
const START =
  'start it with everstaple run, or name the one that runs with --server http://HOST:PORT'
const ENDED = `where the service speaks TLS, name it with https:; where it has ended, ${START}`
/** On top of what is waited for. In milliseconds. */
const ANSWER_WITHIN: DurationMs = durationMs(10 * SECOND_MS)
