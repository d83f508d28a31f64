import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, RawServerDefault } from 'fastify'
import { z } from 'zod'
import { type DurationMs, durationMs, SECOND_MS } from '../../der/time.ts'
import type { ChangeFeed, FeedSink } from '../feed.ts'
import { departureOf } from './departure.ts'

/** How long readers are served. */
export interface ReadersOptions {
  /** Ends all connections. */
  readonly closing: AbortSignal
  /** How long a reader may leave what waits for it. Default: 30 s. */
  readonly slowest?: DurationMs
}

/**
 * `GET` and `POST /v1/changes`: the change feed as server-sent events (docs/feed.md). The filter is in the query, or in a JSON body where there are
 * many fingerprints; the place in `Last-Event-ID`, as browsers send it, or in `after`.
 */
export function serveChanges(
  api: FastifyInstance<RawServerDefault>,
  feed: ChangeFeed,
  { closing, slowest = SLOWEST }: ReadersOptions,
): void {
  const follow = async (wanted: unknown, lastEventID: unknown, reply: FastifyReply) => {
    const parsed = wantedForm.safeParse(wanted)
    if (!parsed.success) return reply.code(400).send({ error: WANTED })
    const { after, fingerprint, name, tag } = parsed.data
    const place = typeof lastEventID === 'string' ? lastEventID : after
    const { raw } = reply.hijack()
    raw.writeHead(200, HEADERS)
    const signal = AbortSignal.any([departureOf(raw), closing])
    const filter = { fingerprints: fingerprint, names: name, tags: tag }
    // Where it ends by itself, the reader comes again and goes on at its place.
    await feed.follow({ filter, place, sink: sinkOf(raw, slowest) }, signal).catch(() => {})
    raw.destroy()
  }
  api.get('/changes', ({ query, headers }, reply) => follow(query, headers['last-event-id'], reply))
  void api.register(async (inner) => {
    inner.removeAllContentTypeParsers()
    const options = { parseAs: 'string', bodyLimit: MAX_FILTER_BYTES } as const
    inner.addContentTypeParser('*', options, (_request, body, done) => done(null, body))
    inner.post('/changes', (request, reply) => {
      const wanted = jsonOf(request.body)
      // The request lives as long as the connection, which may be weeks.
      request.body = undefined
      return follow(wanted, request.headers['last-event-id'], reply)
    })
  })
}

/** A reader that takes nothing for a while is cut off: what waits for it takes memory. It comes again, and goes on at its place. */
function sinkOf(response: ServerResponse, slowest: DurationMs): FeedSink {
  return {
    async write(text) {
      if (response.destroyed) throw new Error('the reader has gone')
      if (response.write(text)) return
      await once(response, 'drain', { signal: AbortSignal.timeout(slowest) })
    },
  }
}

function jsonOf(body: unknown): unknown {
  try {
    return JSON.parse(String(body))
  } catch {
    return undefined
  }
}

const several = z.preprocess(
  (given) => (given === undefined ? [] : Array.isArray(given) ? given : [given]),
  z.array(z.string().max(255)),
)
const wantedForm = z.strictObject({
  after: z.string().max(64).optional(),
  fingerprint: several,
  name: several,
  tag: several,
})
const WANTED =
  'the feed takes after, and fingerprint, name and tag, these as often as wished; in a POST a JSON object with these keys'
const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  // For nginx as a proxy before us.
  'X-Accel-Buffering': 'no',
} as const
/** A hundred thousand fingerprints. */
const MAX_FILTER_BYTES = 8 * 1024 * 1024
const SLOWEST: DurationMs = durationMs(30 * SECOND_MS)
