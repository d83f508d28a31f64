import type { FastifyError, FastifyInstance, FastifyReply, RawServerDefault } from 'fastify'
import { SECOND_MS } from '../../der/time.ts'
import type { ExpectStapleCollector } from '../expect-staple/collector.ts'
import { decodeExpectStapleReport, MAX_REPORT_BYTES } from '../expect-staple/report.ts'

/**
 * `/v1/expect-staple`: takes reports from browsers and from `everstaple check`
 * (docs/expect-staple.md). Whoever sends one has no token: register it beside what asks for one,
 * not inside.
 */
export function serveExpectStaple(
  api: FastifyInstance<RawServerDefault>,
  collector: Pick<ExpectStapleCollector, 'admit' | 'collect'>,
): void {
  void api.register(async (inner) => {
    acceptReports(inner)
    inner.addHook('onRequest', async (request, reply) => {
      reply.header('Access-Control-Allow-Origin', '*').header('Cache-Control', 'no-store')
      if (request.method !== 'POST') return
      const wait = collector.admit(request.socket.remoteAddress ?? '')
      if (wait === 0) return
      reply.header('Retry-After', Math.ceil(wait / SECOND_MS))
      await refuse(reply, 429, 'too many reports; those of one problem say the same')
    })
    inner.options(PATH, (_request, reply) => reply.code(204).headers(PREFLIGHT).send())
    inner.post(PATH, async ({ body }, reply) => {
      const report = decodeExpectStapleReport(String(body))
      if (typeof report === 'string') return refuse(reply, 422, report)
      await collector.collect(report)
      return reply.code(204).send()
    })
  })
}

/** In Chrome's form, or in that of the draft. */
function acceptReports(inner: FastifyInstance<RawServerDefault>): void {
  const options = { parseAs: 'string', bodyLimit: MAX_REPORT_BYTES } as const
  inner.removeAllContentTypeParsers()
  inner.addContentTypeParser(TYPES, options, (_request, body, done) => done(null, body))
  const others = inner.errorHandler
  inner.setErrorHandler<FastifyError>((error, request, reply) => {
    switch (error.statusCode) {
      case 413:
        return refuse(reply, 413, `a report has at most ${MAX_REPORT_BYTES} bytes`)
      case 415:
        return refuse(reply, 415, `a report has the content type ${TYPES.join(' or ')}`)
      default:
        return others.call(inner, error, request, reply)
    }
  })
}

function refuse(reply: FastifyReply, statusCode: number, error: string): FastifyReply {
  return reply.code(statusCode).send({ error })
}

const PATH = '/expect-staple'
const TYPES = ['application/json', 'application/expect-staple-report']
/** A browser asks first, as these content types are none of a form (Fetch §3.2.2). */
const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'POST',
  'Access-Control-Allow-Headers': 'Content-Type',
  'Access-Control-Max-Age': '86400',
} as const
