import type { FastifyInstance, RawServerDefault } from 'fastify'

/** How much of what can have a staple has one. */
export interface Readiness {
  /** Certificates that can have a staple. */
  readonly managed: number
  /** Those that have a usable one now. */
  readonly stapled: number
  /** Names of those that have none; may be cut short. */
  readonly missing: readonly string[]
}

/** Knows the readiness. */
export interface ReadinessSource {
  readiness(): Promise<Readiness>
}

/**
 * `/healthz`: 200 as long as the process answers. `/readyz`: 200 once every certificate that can have a staple has one, else 503 with
 * how many are missing and the names of the first ten.
 */
export function serveHealth(app: FastifyInstance<RawServerDefault>, source: ReadinessSource): void {
  app.get('/healthz', (_request, reply) => reply.header('Cache-Control', 'no-store').send('ok\n'))
  app.get('/readyz', async (_request, reply) => {
    const { managed, stapled, missing } = await source.readiness()
    const isReady = stapled >= managed
    return reply
      .code(isReady ? 200 : 503)
      .header('Cache-Control', 'no-store')
      .send({
        ready: isReady,
        managed,
        stapled,
        missing: managed - stapled,
        ...(isReady ? {} : { firstMissing: missing.slice(0, MAX_NAMES) }),
      })
  })
}

const MAX_NAMES = 10
