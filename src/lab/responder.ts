import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { EpochMs } from '../der/time.ts'
import { parseRequest } from '../ocsp/request.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import {
  type Authority,
  type AuthorityAnswer,
  type AuthorityOptions,
  type Freshness,
  type Lie,
  makeAuthority,
} from './authority.ts'
import {
  type Answer,
  type Fault,
  type HttpAnswer,
  OCSP_RESPONSE,
  type ReceivedRequest,
} from './faults.ts'

export interface ResponderOptions extends AuthorityOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Default: 0, any free one. */
  readonly port?: number
  /** Where it listens. Default: `127.0.0.1`. */
  readonly host?: string
  readonly fault?: Fault
}

/** A running responder. Ends with everything that it holds open when disposed of. */
export interface Responder extends AsyncDisposable {
  /** Without a slash at the end: what a certificate's AuthorityInfoAccess says. */
  readonly url: string
  readonly port: number
  /** Requests received so far, oldest first. */
  readonly requests: readonly ReceivedRequest[]
  /** From now on this is the status of the certificate. */
  readonly setStatus: Authority['setStatus']
  /** From now on the responder misbehaves so; `undefined` mends it. */
  readonly setFault: (fault: Fault | undefined) => void
}

/** Starts an OCSP responder over HTTP, GET and POST (RFC 6960 A.1) with the cache headers of RFC 9919. */
export async function startResponder(options: ResponderOptions): Promise<Responder> {
  const { clock = systemClock, host = '127.0.0.1' } = options
  const authority = makeAuthority(options)
  const requests: ReceivedRequest[] = []
  let { fault } = options

  const answerTo = async (message: IncomingMessage, signal: AbortSignal): Promise<Answer> => {
    const bytes = message.method === 'POST' ? await bodyOf(message) : bytesInPath(message.url ?? '')
    const now = clock.now()
    const request = { ...received(message, bytes), at: now, number: requests.length + 1 }
    requests.push(request)
    const answer = (lie?: Lie) => httpAnswer(authority.answer(bytes, now, lie), now)
    return fault === undefined ? answer() : fault({ request, answer, clock, signal })
  }
  const ending = new AbortController()
  const server = createServer((message, response) => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    answerTo(message, AbortSignal.any([gone.signal, ending.signal])).then(
      (answer) => send(answer, message, response, clock.now()),
      () => response.destroy(),
    )
  })
  server.listen(options.port ?? 0, host)
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return {
    url: `http://${host}:${port}`,
    port,
    requests,
    setStatus: authority.setStatus,
    setFault: (next) => {
      fault = next
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort()
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function httpAnswer({ body, freshness }: AuthorityAnswer, now: EpochMs): HttpAnswer {
  const caching =
    freshness === undefined ? { 'cache-control': 'no-store' } : cacheHeaders(body, freshness, now)
  return { statusCode: 200, headers: { 'content-type': OCSP_RESPONSE, ...caching }, body }
}

/** As RFC 9919 §6.2 recommends them. */
function cacheHeaders(
  body: Uint8Array,
  { thisUpdate, nextUpdate, renewal }: Freshness,
  now: EpochMs,
): Record<string, string> {
  const maxAge = Math.max(0, Math.floor((renewal - now) / 1000))
  return {
    'cache-control': `max-age=${maxAge}, public, no-transform, must-revalidate`,
    'last-modified': httpDate(thisUpdate),
    expires: httpDate(nextUpdate),
    etag: `"${createHash('sha256').update(body).digest('hex')}"`,
  }
}

async function bodyOf(message: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_REQUEST_BYTES) return Uint8Array.of()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * The request in `GET {url}/{url-encoding of base64 of the request}` (RFC 6960 A.1). The responder is at the root, so the first slash is
 * not base64. Decoded once and strictly: a client that encodes twice gets malformedRequest, as from a CA.
 */
function bytesInPath(path: string): Uint8Array {
  try {
    return Buffer.from(decodeURIComponent(path.slice(1)), 'base64')
  } catch {
    return Uint8Array.of()
  }
}

function received(
  { method = '', url = '', headers, socket }: IncomingMessage,
  bytes: Uint8Array,
): Omit<ReceivedRequest, 'at' | 'number'> {
  const ids = parseRequest(bytes)
  const serialNumbers =
    'kind' in ids ? [] : ids.map((id) => Buffer.from(id.serialNumber).toString('hex'))
  return { method, path: url, headers, serialNumbers, remotePort: socket.remotePort ?? 0 }
}

function send(
  answer: Answer,
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  now: EpochMs,
): void {
  if (answer === 'silence') return
  const { etag } = answer.headers
  const isKnown = etag !== undefined && headers['if-none-match'] === etag
  if (isKnown && method === 'GET' && answer.statusCode === 200) {
    response.writeHead(304, { date: httpDate(now), ...answer.headers }).end()
    return
  }
  const length = String(answer.body.length)
  const general = { date: httpDate(now), 'content-length': length }
  response.writeHead(answer.statusCode, { ...general, ...answer.headers }).end(answer.body)
}

function httpDate(at: EpochMs): string {
  return new Date(at).toUTCString()
}

/** Browsers send less than 127 bytes. */
const MAX_REQUEST_BYTES = 65_536
