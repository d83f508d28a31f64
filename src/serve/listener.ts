import { createServer, type RequestListener, type Server } from 'node:http'
import { type FastifyError, type FastifyInstance, fastify, type RawServerDefault } from 'fastify'
import type { ConnectionLimit } from './connection-limit.ts'
import { type ListenAddress, listenError } from './listen-address.ts'
import { exchangeOcsp, type OcspSource, withoutQuery } from './ocsp-exchange.ts'
import { ocspRoute } from './ocsp-route.ts'
import type { OwnCertificate } from './own-certificate.ts'

/** What is listened on, and how. */
export interface ListenerOptions {
  readonly listen: ListenAddress
  /** What another address is given by, for who reads that this one cannot be taken: `--listen`. */
  readonly setting: string
  /** Without it, HTTP is plain. */
  readonly certificate?: OwnCertificate | undefined
  readonly connections: ConnectionLimit
  readonly ocsp: OcspSource
  /** Adds all that is answered beside OCSP. */
  readonly routes: (app: FastifyInstance<RawServerDefault>) => void
}

/** A listening server. Disposing of it lets requests under way finish, for a while. */
export interface Listener extends AsyncDisposable {
  /** `http://127.0.0.1:8888`, with the port that was really taken. */
  readonly url: string
  readonly address: ListenAddress
}

/**
 * Listens on one port. OCSP requests are answered first, straight on `node:http`, which costs about half of what a framework does; all
 * others go to fastify. Throws a `ListenError` where the address cannot be taken.
 */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const { listen, setting, certificate } = options
  const servers: Server[] = []
  const app = fastify({
    // Called twice for `localhost`, which may have two addresses.
    serverFactory: (others) => {
      const server = serverFor(options, others)
      servers.push(server)
      return server
    },
  })
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error.statusCode !== undefined && error.statusCode < 500) {
      return reply.code(error.statusCode).send({ error: error.message })
    }
    options.ocsp.events.requestFailed({ url: withoutQuery(request.url), error })
    return reply.code(500).send({ error: 'internal error; the log of everstaple has the reason' })
  })
  app.setNotFoundHandler((_, reply) => reply.code(404).send({ error: NOTHING_HERE }))
  options.routes(app)
  try {
    await app.listen({ ...listen })
  } catch (error) {
    await app.close()
    throw listenError(listen, setting, error)
  }
  const port = portOf(app.server)
  const { host } = listen
  const scheme = certificate === undefined ? 'http' : 'https'
  return {
    url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    address: { host, port },
    async [Symbol.asyncDispose]() {
      const cutOff = setTimeout(() => {
        for (const server of servers) server.closeAllConnections()
      }, CLOSING_MS)
      await app.close()
      clearTimeout(cutOff)
    },
  }
}

function serverFor(
  { certificate, connections, ocsp }: ListenerOptions,
  others: RequestListener,
): Server {
  const listener: RequestListener = (request, response) => {
    const route = ocspRoute(request.method ?? '', request.url ?? '')
    if (route === undefined) others(request, response)
    else void exchangeOcsp(route, { request, response }, ocsp)
  }
  const server = certificate?.createServer(LIMITS, listener) ?? createServer(LIMITS, listener)
  server.maxConnections = MAX_CONNECTIONS
  server.timeout = STALLED_MS
  connections.guard(server)
  return server
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('listens on no port')
  return address.port
}

const NOTHING_HERE =
  'nothing is here; OCSP is at /ocsp/, the API at /v1/certificates, health at /healthz and /readyz, metrics at /metrics'

/** Against clients that send a byte now and then, or have gone without a word; servers on the same machine take milliseconds. In milliseconds. */
const LIMITS = {
  headersTimeout: 5_000,
  // An agent with ten thousand certificates sends megabytes.
  requestTimeout: 30_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 2_000,
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
} as const

/** A connection on which nothing moves for so long, or for twice as long where bytes wait to be taken, is ended. The feed says something every 15 seconds. */
const STALLED_MS = 30_000

/** More than a fleet of a thousand edges and its servers open; beyond it new connections are refused, so that memory stays bounded. */
const MAX_CONNECTIONS = 4_096

/** How long requests under way may take to finish when the server is closed. */
const CLOSING_MS = 5_000
