import { Readable } from 'node:stream'
import type { FastifyError, FastifyInstance, FastifyReply, RawServerDefault } from 'fastify'
import { type DurationMs, durationMs, iso, MINUTE_MS, SECOND_MS } from '../../der/time.ts'
import type { GivenCertificates } from '../../refresh/given-certificates.ts'
import type { Store } from '../../store/store.ts'
import { parseDuration } from '../../time/duration.ts'
import type { ChangeFeed } from '../feed.ts'
import type { TokenFile } from '../tokens.ts'
import { type AssuranceSource, assure, type Standing } from './assurance.ts'
import { type CertificateReport, certificateReport } from './certificate-report.ts'
import { serveChanges } from './changes.ts'
import { departureOf } from './departure.ts'
import { type EdgesSource, serveEdges } from './edges.ts'
import { MAX_BODY_BYTES, readGivenBody } from './given-body.ts'
import { Guard, type GuardedRequest, type GuardOptions } from './guard.ts'

/** What the API works on. */
export interface ApiSource extends Omit<AssuranceSource, 'store'> {
  readonly store: Pick<Store, 'entry' | 'entries'> & EdgesSource['store']
  readonly feed: ChangeFeed
  readonly tokens: Pick<TokenFile, 'find'>
  readonly given: Pick<GivenCertificates, 'take' | 'remove'>
}

/** What a PUT is answered with. */
export interface EnsureAnswer {
  readonly outcome: Standing['outcome']
  /** What is not there yet, and why. */
  readonly missing: string | null
  readonly certificate: CertificateReport | null
}

/** Longest `wait`: a hook that needs more has another problem. */
export const MAX_WAIT: DurationMs = durationMs(10 * MINUTE_MS)

/** The routes under `/v1` (docs/api.md), for callers on this machine, and for others with a token. */
export function serveApi(
  app: FastifyInstance<RawServerDefault>,
  source: ApiSource,
  options: Pick<GuardOptions, 'listenHost' | 'release'>,
): void {
  const closing = new AbortController()
  const guard = new Guard({ ...source, ...options })
  const plugin = async (api: FastifyInstance<RawServerDefault>): Promise<void> => {
    api.addHook('preClose', async () => closing.abort())
    api.addHook('onRequest', async ({ socket, headers, method, url }, reply) => {
      const request = { socket, headers, method, url }
      const repulse = await guard.repulse(request)
      if (repulse === undefined) return endAtExpiry(guard, request, reply)
      if (repulse.statusCode === 401) reply.header('WWW-Authenticate', 'Bearer')
      if ('retryAfter' in repulse) {
        const seconds = Math.ceil(repulse.retryAfter / SECOND_MS)
        reply.header('Retry-After', seconds).header('Connection', 'close')
      }
      await refuse(reply, repulse.statusCode, repulse.problem)
    })
    acceptBytes(api)
    serveReports(api, source)
    servePut(api, source, closing.signal)
    serveDelete(api, source)
    serveChanges(api, source.feed, { closing: closing.signal })
    serveEdges(api, source)
  }
  void app.register(plugin, { prefix: '/v1' })
}

/** The feed goes on for as long as its reader wants, but not for longer than its token. */
function endAtExpiry(guard: Guard, request: GuardedRequest, { raw }: FastifyReply): void {
  const departure = departureOf(raw)
  void guard.expiry(request, departure).then(() => {
    if (!departure.aborted) raw.destroy()
  })
}

/** Whatever type a body claims to have, it is taken as bytes. */
function acceptBytes(api: FastifyInstance<RawServerDefault>): void {
  const options = { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES } as const
  api.removeAllContentTypeParsers()
  api.addContentTypeParser('*', options, (_request, body, done) => done(null, body))
  const others = api.errorHandler
  api.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error.statusCode !== 413) return others.call(api, error, request, reply)
    return refuse(reply, 413, `the body is larger than ${MAX_BODY_BYTES} bytes; send one chain`)
  })
}

function serveReports(api: FastifyInstance<RawServerDefault>, source: ApiSource): void {
  const { store, clock } = source
  api.get('/certificates', (_request, reply) => {
    const pieces = Readable.from(listPieces(source))
    return reply.header('Cache-Control', 'no-store').type('application/json').send(pieces)
  })
  api.get<ById>('/certificates/:id', async ({ params }, reply) => {
    const entry = await store.entry({ id: params.id.toLowerCase() })
    if (entry === undefined) return refuse(reply, 404, UNKNOWN)
    return reply.header('Cache-Control', 'no-store').send(certificateReport(entry, clock.now()))
  })
}

/** A million certificates need no memory. */
async function* listPieces({ store, clock }: ApiSource): AsyncGenerator<string> {
  let before = '{"certificates":['
  for await (const entry of store.entries()) {
    yield before + JSON.stringify(certificateReport(entry, clock.now()))
    before = ',\n'
  }
  yield before.startsWith('{') ? `${before}]}\n` : ']}\n'
}

function servePut(
  api: FastifyInstance<RawServerDefault>,
  source: ApiSource,
  closing: AbortSignal,
): void {
  const { given, clock } = source
  api.put<PutQuery>('/certificates', async ({ body, query }, reply) => {
    const wait = query.wait === undefined ? durationMs(0) : parseDuration(query.wait)
    if (wait === undefined || wait > MAX_WAIT) return refuse(reply, 400, BAD_WAIT)
    const read = readGivenBody(Buffer.isBuffer(body) ? body : Buffer.alloc(0))
    if ('problem' in read) return refuse(reply, 422, `body: ${read.problem}`)
    const { notAfter, fingerprint: id } = read.certificate
    if (clock.now() > notAfter) return refuse(reply, 422, `expired at ${iso(notAfter)}; renew it`)
    await given.take(read)
    const signal = AbortSignal.any([departureOf(reply.raw), closing])
    // Nothing moves on the connection meanwhile.
    reply.raw.setTimeout(wait + MINUTE_MS)
    const onEdges = query.edges === 'every' ? 'every' : 'any'
    const wish = { id, file: query.file, wait, onEdges, signal } as const
    const standing = await assure(wish, source)
    if (closing.aborted && standing.outcome === 'waiting') return refuse(reply, 503, STOPPING)
    const late = query.wait === undefined ? 202 : 504
    return reply
      .code(standing.outcome === 'waiting' ? late : 200)
      .header('Cache-Control', 'no-store')
      .send(answerOf(standing, source))
  })
}

function answerOf({ outcome, missing, entry, outputs }: Standing, { clock }: ApiSource) {
  const certificate = entry === undefined ? null : certificateReport(entry, clock.now(), outputs)
  return { outcome, missing: missing ?? null, certificate } satisfies EnsureAnswer
}

function serveDelete(api: FastifyInstance<RawServerDefault>, { given }: ApiSource): void {
  api.delete<ById>('/certificates/:id', async ({ params }, reply) => {
    switch (await given.remove(params.id.toLowerCase())) {
      case 'removed':
        return reply.code(204).send()
      case 'unknown':
        return refuse(reply, 404, UNKNOWN)
      case 'in-files':
        return refuse(reply, 409, IN_FILES)
    }
  })
}

function refuse(reply: FastifyReply, statusCode: number, error: string): FastifyReply {
  return reply.code(statusCode).header('Cache-Control', 'no-store').send({ error })
}

interface ById {
  Params: { readonly id: string }
}

interface PutQuery {
  Querystring: { readonly wait?: string; readonly file?: string; readonly edges?: string }
}

const BAD_WAIT = 'wait is a length of time of at most 10m, such as 30s'
const UNKNOWN = 'no certificate with this fingerprint is managed'
const IN_FILES =
  'it stands in a watched file, and is managed for as long as it does; remove the file'
const STOPPING = 'everstaple is stopping; ask again when it runs'
