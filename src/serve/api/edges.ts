import type { FastifyInstance, RawServerDefault } from 'fastify'
import { iso } from '../../der/time.ts'
import type { Store } from '../../store/store.ts'
import type { Clock } from '../../time/clock.ts'
import { decodeEdgeReport } from '../edge-report.ts'

/** What the routes about edges work on. */
export interface EdgesSource {
  readonly store: Pick<Store, 'putEdge' | 'removeEdge' | 'edges' | 'edgeStates'>
  readonly clock: Pick<Clock, 'now'>
}

/** `/v1/edges`: what agents report of themselves, and what is known of them (docs/api.md). */
export function serveEdges(
  api: FastifyInstance<RawServerDefault>,
  { store, clock }: EdgesSource,
): void {
  api.get('/edges', async (_request, reply) => {
    const edges = (await store.edges()).map((edge) => ({ ...edge, seenAt: iso(edge.seenAt) }))
    return reply.header('Cache-Control', 'no-store').send({ edges })
  })
  api.delete<ByName>('/edges/:name', async ({ params }, reply) => {
    await store.removeEdge(params.name)
    return reply.code(204).send()
  })
  void api.register(async (inner) => {
    inner.removeAllContentTypeParsers()
    const options = { parseAs: 'string', bodyLimit: MAX_REPORT_BYTES } as const
    inner.addContentTypeParser('*', options, (_request, body, done) => done(null, body))
    inner.post<ByName>('/edges/:name', async ({ params: { name }, body }, reply) => {
      if (!NAME.test(name)) return reply.code(400).send({ error: BAD_NAME })
      const report = decodeEdgeReport(name, String(body))
      if (typeof report === 'string') return reply.code(422).send({ error: report })
      const { version, states, extent } = report
      await store.putEdge({ name, seenAt: clock.now(), version }, states, extent)
      return reply.code(204).send()
    })
  })
}

interface ByName {
  Params: { readonly name: string }
}

const NAME = /^[\w.-]{1,100}$/
const BAD_NAME =
  'the name of an edge has at most 100 letters, digits, dots, hyphens and underscores'
/** Ten thousand certificates with a few outputs each. */
const MAX_REPORT_BYTES = 16 * 1024 * 1024
