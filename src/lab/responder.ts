import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
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
  honest,
  OCSP_RESPONSE,
  type ReceivedRequest,
} from './faults/fault.ts'

export interface ResponderOptions extends AuthorityOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Default: 0, any free one. */
  readonly port?: number
  /** Where it listens. Default: `127.0.0.1`. */
  readonly host?: string
  /** Further addresses, same port, as of a host name that has several: on Linux all of 127.0.0.0/8 is there. */
  readonly alsoAt?: readonly string[]
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
  const { clock = systemClock, host = '127.0.0.1', alsoAt = [] } = options
  const authority = makeAuthority(options)
  const startedAt = clock.now()
  const register = new Register()
  let { fault } = options

  const answerTo = async (message: IncomingMessage, signal: AbortSignal): Promise<Answer> => {
    const bytes = message.method === 'POST' ? await bodyOf(message) : bytesInPath(message.url ?? '')
    const now = clock.now()
    const request = register.enter(message, bytes, now)
    const answer = (lie?: Lie) => httpAnswer(authority.answer(bytes, now, lie), now)
    return (fault ?? honest)({ request, answer, issuer: options.issuer, clock, startedAt, signal })
  }
  const ending = new AbortController()
  const listener: RequestListener = (message, response) => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    answerTo(message, AbortSignal.any([gone.signal, ending.signal])).then(
      (answer) => send(answer, message, response, clock.now()),
      () => response.destroy(),
    )
  }
  const { servers, port } = await listen([host, ...alsoAt], options.port ?? 0, (at) => {
    const server = createServer({ requireHostHeader: false }, listener)
    server.on('connection', (socket) => register.connected(socket))
    return server.listen(at)
  })
  return {
    url: `http://${host}:${port}`,
    port,
    requests: register.requests,
    setStatus: authority.setStatus,
    setFault: (next) => {
      fault = next
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort()
      await Promise.all(servers.map(close))
    },
  }
}

/** Numbers connections and requests, and remembers when each certificate was first asked for. */
class Register {
  readonly requests: ReceivedRequest[] = []
  readonly #connections = new WeakMap<Socket, number>()
  readonly #firstAskedAt = new Map<string, EpochMs>()
  #connected = 0

  connected(socket: Socket): void {
    this.#connections.set(socket, ++this.#connected)
  }

  enter(message: IncomingMessage, bytes: Uint8Array, at: EpochMs): ReceivedRequest {
    const { method = '', url = '', headers, httpVersion, socket } = message
    const read = parseRequest(bytes)
    const ids = 'kind' in read ? [] : read
    const serialNumbers = ids.map((id) => Buffer.from(id.serialNumber).toString('hex'))
    const subject = serialNumbers.join()
    const firstAskedAt = this.#firstAskedAt.get(subject) ?? at
    this.#firstAskedAt.set(subject, firstAskedAt)
    const request = {
      ...{ method, path: url, headers, httpVersion, serialNumbers, at, firstAskedAt },
      hashAlgorithms: ids.map(({ hashAlgorithm }) => hashAlgorithm.oid),
      localAddress: socket.localAddress ?? '',
      remotePort: socket.remotePort ?? 0,
      connection: this.#connections.get(socket) ?? 0,
      number: this.requests.length + 1,
    }
    this.requests.push(request)
    return request
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

/** A server at each address, all on one port. A free port of one address may be taken at another: then all start anew. */
async function listen(
  addresses: readonly string[],
  port: number,
  start: (at: { readonly host: string; readonly port: number }) => Server,
): Promise<{ readonly servers: readonly Server[]; readonly port: number }> {
  for (let attempt = 1; ; attempt++) {
    const servers: Server[] = []
    let common = port
    try {
      for (const host of addresses) {
        const server = start({ host, port: common })
        await once(server, 'listening')
        servers.push(server)
        const address = server.address()
        common = typeof address === 'object' ? (address?.port ?? 0) : 0
      }
      return { servers, port: common }
    } catch (error) {
      await Promise.all(servers.map(close))
      if (port !== 0 || attempt === MAX_LISTEN_ATTEMPTS) throw error
    }
  }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
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

function send(
  answer: Answer,
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  now: EpochMs,
): void {
  if (answer === 'silence') return
  if (answer === 'reset') {
    response.socket?.resetAndDestroy()
    return
  }
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

const MAX_LISTEN_ATTEMPTS = 10
/** Browsers send less than 127 bytes. */
const MAX_REQUEST_BYTES = 65_536
