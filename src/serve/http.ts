import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type FastifyError, fastify } from 'fastify'
import type { Clock } from '../time/clock.ts'
import { type ApiSource, serveApi } from './api/api.ts'
import { serveExpectStaple } from './api/expect-staple.ts'
import type { ExpectStapleCollector } from './expect-staple/collector.ts'
import { type ReadinessSource, serveHealth } from './health.ts'
import { type MetricsSource, serveMetrics } from './metrics.ts'
import { answerOcsp, type OcspAnswer, type StapleSource } from './ocsp-endpoint.ts'
import { type OcspRoute, ocspRoute } from './ocsp-route.ts'

/** What the HTTP server tells its operator. */
export interface HttpEvents {
  /** A request was answered with 500 or 503, as what it needs failed. */
  requestFailed(event: { readonly url: string; readonly error: unknown }): void
}

/** What the HTTP server needs. */
export interface HttpOptions {
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number }
  readonly staples: StapleSource
  readonly readiness: ReadinessSource
  /** Without it, there is no `/metrics`. */
  readonly metrics?: MetricsSource | undefined
  /** Without it, there is nothing under `/v1`. */
  readonly api?: ApiSource | undefined
  /** Without it, reports of browsers are not taken. */
  readonly expectStaple?: Pick<ExpectStapleCollector, 'admit' | 'collect'> | undefined
  readonly clock: Pick<Clock, 'now'>
  readonly events: HttpEvents
}

/** A listening server. Disposing of it lets requests under way finish, for a while. */
export interface HttpListener extends AsyncDisposable {
  /** `http://127.0.0.1:8888`, with the port that was really taken. */
  readonly url: string
  readonly address: { readonly host: string; readonly port: number }
}

/** The address cannot be listened on; the message says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code = 'LISTEN'
}

/**
 * Listens and serves everything on one port. OCSP requests are answered first, straight on `node:http`, which costs about half of what a
 * framework does; all others go to fastify. Throws a {@link ListenError} where the address cannot be taken.
 */
export async function startHttp(options: HttpOptions): Promise<HttpListener> {
  const app = fastify({
    serverFactory: (others) => {
      const server = createServer(LIMITS, (request, response) => {
        const route = ocspRoute(request.method ?? '', request.url ?? '')
        if (route === undefined) others(request, response)
        else void serveOcsp(route, request, response, options)
      })
      server.maxConnections = MAX_CONNECTIONS
      return server
    },
  })
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error.statusCode !== undefined && error.statusCode < 500) return reply.send(error)
    options.events.requestFailed({ url: request.url, error })
    return reply.code(500).send({ error: 'internal error; the log of everstaple has the reason' })
  })
  serveHealth(app, options.readiness)
  if (options.metrics !== undefined) serveMetrics(app, options.metrics)
  const { api, expectStaple } = options
  if (api !== undefined) serveApi(app, api, options.listen.host)
  // Beside the API, as browsers send reports without a token.
  if (expectStaple !== undefined) {
    void app.register(async (inner) => serveExpectStaple(inner, expectStaple), { prefix: '/v1' })
  }
  try {
    await app.listen({ ...options.listen })
  } catch (error) {
    await app.close()
    throw listenError(options.listen, error)
  }
  const { server } = app
  const port = portOf(server)
  const { host } = options.listen
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    address: { host, port },
    async [Symbol.asyncDispose]() {
      const cutOff = setTimeout(() => server.closeAllConnections(), CLOSING_MS)
      await app.close()
      clearTimeout(cutOff)
    },
  }
}

async function serveOcsp(
  route: OcspRoute,
  request: IncomingMessage,
  response: ServerResponse,
  { staples, clock, events }: HttpOptions,
): Promise<void> {
  if (route.kind === 'method-not-allowed') {
    return writeText(response, 405, 'use GET or POST', { Allow: 'GET, HEAD, POST' })
  }
  try {
    const body = route.kind === 'get' ? route.request : await readBody(request)
    if (body === 'too-large') {
      return writeText(response, 413, 'an OCSP request is smaller', { Connection: 'close' })
    }
    const ifNoneMatch = request.headers['if-none-match']
    const answer = await answerOcsp({ request: body, ifNoneMatch, staples, now: clock.now() })
    write(response, answer, request.method === 'HEAD' ? 'head' : 'whole')
  } catch (error) {
    if (request.destroyed && !request.complete) return // the client hung up
    // Not an OCSP error, which Apache would staple.
    events.requestFailed({ url: request.url ?? '', error })
    writeText(response, 503, 'the staple could not be read; the log of everstaple has the reason')
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array | 'too-large'> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  // The iterator must not destroy the connection when it is left early: the answer still goes over it.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk)
    sizeBytes += chunk.length
    if (sizeBytes > MAX_REQUEST_BYTES) return 'too-large'
  }
  return Buffer.concat(chunks)
}

function write(response: ServerResponse, answer: OcspAnswer, part: 'head' | 'whole'): void {
  response.writeHead(answer.statusCode, answer.headers)
  response.end(part === 'head' ? undefined : answer.body)
}

function writeText(
  response: ServerResponse,
  statusCode: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(statusCode, {
    'Content-Type': 'text/plain',
    'Cache-Control': 'no-store',
    ...headers,
  })
  response.end(`${text}\n`)
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('listens on no port')
  return address.port
}

function listenError({ host, port }: HttpOptions['listen'], cause: unknown): ListenError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const at = `${host}:${port}`
  switch (code) {
    case 'EADDRINUSE':
      return new ListenError(
        `port ${port} on ${host} is in use; stop the program that has it (\`ss -ltnp 'sport = :${port}'\` names it), or choose another port with --listen`,
        { cause },
      )
    case 'EACCES':
      return new ListenError(
        `not allowed to listen on ${at}; choose a port above 1023 with --listen, or grant CAP_NET_BIND_SERVICE`,
        { cause },
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ListenError(
        `${host} is not an address of this machine; use 127.0.0.1, 0.0.0.0 or one that \`ip address\` shows with --listen`,
        { cause },
      )
    default:
      return new ListenError(
        `cannot listen on ${at}: ${String(cause)}; choose another address with --listen`,
        { cause },
      )
  }
}

/** A request for one certificate has about 120 bytes; sixteen with a nonce and a client's signature and certificate stay below this. */
const MAX_REQUEST_BYTES = 4096

/** Against clients that send a byte now and then; servers on the same machine take milliseconds. In milliseconds. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
} as const

/** More than a fleet of a thousand edges and its servers open; beyond it new connections are refused, so that memory stays bounded. */
const MAX_CONNECTIONS = 4_096

/** How long requests under way may take to finish when the server is closed. */
const CLOSING_MS = 5_000
