import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { METRICS_TYPE } from '../serve/metrics-text.ts'

/** A listener that serves metrics and nothing else. Closes with what it holds open when disposed of. */
export interface MetricsListener extends AsyncDisposable {
  /** `http://127.0.0.1:9188/metrics`, with the port that was really taken. */
  readonly url: string
}

/** Serves what `metrics` gives at `/metrics`. Port 0 takes any free one. Rejects with the error of node:net where the address cannot be taken. */
export async function startMetricsListener(
  { host, port }: { readonly host: string; readonly port: number },
  metrics: () => string,
): Promise<MetricsListener> {
  const server = createServer(LIMITS, (request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('metrics are at /metrics\n')
    } else {
      response.writeHead(200, { 'Content-Type': METRICS_TYPE }).end(metrics())
    }
  })
  server.maxConnections = MAX_CONNECTIONS
  await once(server.listen(port, host), 'listening')
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${portOf(server)}/metrics`,
    async [Symbol.asyncDispose]() {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('listens on no port')
  return address.port
}

/** Against clients that send a byte now and then, in milliseconds. */
const LIMITS = { headersTimeout: 10_000, requestTimeout: 15_000 } as const
/** A few Prometheus servers and people. */
const MAX_CONNECTIONS = 64
