import type { FastifyInstance, RawServerDefault } from 'fastify'
import type { Clock } from '../time/clock.ts'
import { type ApiSource, serveApi } from './api/api.ts'
import { serveExpectStaple } from './api/expect-staple.ts'
import { ConnectionLimit } from './connection-limit.ts'
import type { ExpectStapleCollector } from './expect-staple/collector.ts'
import { type ReadinessSource, serveHealth } from './health.ts'
import type { ListenAddress } from './listen-address.ts'
import { type Listener, openListener } from './listener.ts'
import { type MetricsSource, serveMetrics } from './metrics.ts'
import type { OcspSource, RequestEvents } from './ocsp-exchange.ts'
import { OwnCertificate, type OwnCertificateOptions } from './own-certificate.ts'

/** What the HTTP server needs. */
export interface HttpOptions extends OcspSource {
  readonly listen: ListenAddress
  /** Where OCSP is answered over plain HTTP and nothing else is; it is answered at `listen` as well. */
  readonly ocspListen?: ListenAddress | undefined
  /** Without it, there is no TLS. */
  readonly tls?: Omit<OwnCertificateOptions, 'clock'> | undefined
  readonly readiness: ReadinessSource
  /** Without it, there is no `/metrics`. */
  readonly metrics?: MetricsSource | undefined
  /** Without it, there is nothing under `/v1`. */
  readonly api?: ApiSource | undefined
  /** Without it, reports of browsers are not taken. */
  readonly expectStaple?: Pick<ExpectStapleCollector, 'admit' | 'collect'> | undefined
  readonly clock: Clock
  readonly events: RequestEvents
}

/** A listening server. Disposing of it lets requests under way finish, for a while. */
export interface HttpListener extends Listener {
  /** Where OCSP alone is answered. */
  readonly ocspUrl: string | undefined
}

/**
 * Listens and serves everything on one port, and OCSP on a second one where it is asked for. Throws a `ListenError` where an address cannot be
 * taken, and a `TlsFilesError`.
 */
export async function startHttp(options: HttpOptions): Promise<HttpListener> {
  await using parts = new AsyncDisposableStack()
  const { listen, ocspListen, tls, clock } = options
  const certificate = tls && (await OwnCertificate.open({ ...tls, clock }))
  const connections = new ConnectionLimit(clock)
  const common = { connections, ocsp: options }
  const routes = (app: FastifyInstance<RawServerDefault>) =>
    serveAll(app, options, (socket) => connections.release(socket))
  const main = parts.use(
    await openListener({ ...common, listen, setting: '--listen', certificate, routes }),
  )
  const ocsp =
    ocspListen &&
    parts.use(
      await openListener({
        ...common,
        listen: ocspListen,
        setting: 'ocspListen',
        routes: () => {},
      }),
    )
  if (certificate !== undefined) parts.use(following(certificate))
  const { url, address } = main
  const kept = parts.move()
  return {
    ...{ url, address, ocspUrl: ocsp?.url },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function serveAll(
  app: FastifyInstance<RawServerDefault>,
  { readiness, metrics, api, expectStaple, listen }: HttpOptions,
  release: ConnectionLimit['release'],
): void {
  serveHealth(app, readiness)
  if (metrics !== undefined) serveMetrics(app, metrics)
  if (api !== undefined) serveApi(app, api, { listenHost: listen.host, release })
  // Beside the API, as browsers send reports without a token.
  if (expectStaple !== undefined) {
    void app.register(async (inner) => serveExpectStaple(inner, expectStaple), { prefix: '/v1' })
  }
}

/** Has a certificate follow its files until it is disposed of. */
function following(certificate: OwnCertificate): AsyncDisposable {
  const stop = new AbortController()
  const end = certificate.follow(stop.signal)
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await end
    },
  }
}
