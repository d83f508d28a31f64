import type { FastifyInstance, RawServerDefault } from 'fastify'
import { METRICS_TYPE } from './metrics-text.ts'

/** Knows the metrics: text for Prometheus. */
export interface MetricsSource {
  metrics(): Promise<string>
}

/** `/metrics`, for whoever may ask for `/healthz`. Those who ask at the same time are given the same answer, so that it costs no more. */
export function serveMetrics(app: FastifyInstance<RawServerDefault>, source: MetricsSource): void {
  let underWay: Promise<string> | undefined
  app.get('/metrics', async (_request, reply) => {
    underWay ??= source.metrics().finally(() => {
      underWay = undefined
    })
    return reply
      .header('Cache-Control', 'no-store')
      .type(METRICS_TYPE)
      .send(await underWay)
  })
}
