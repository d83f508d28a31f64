import { Readable } from 'node:stream'
import { rootCertificates } from 'node:tls'
import { Agent, type Dispatcher } from 'undici'
import { type DurationMs, durationMs, SECOND_MS } from '../../der/time.ts'
import { type EdgeReport, encodeEdgeReport } from '../../serve/edge-report.ts'
import type { Clock } from '../../time/clock.ts'
import { version } from '../../version.ts'
import type { Centre } from './centre-follower.ts'
import { feedEvents } from './event-stream.ts'
import { whyUnreachable } from './why-unreachable.ts'

/** How a centre is reached. */
export interface HttpCentreOptions {
  /** `https://staples.example.org:8443`; a path in it is put before those of the API. */
  readonly url: string
  /** Gives what is sent as a bearer token; asked each time, as tokens are replaced. Default: none is sent. */
  readonly token?: (() => Promise<string>) | undefined
  /** PEM certificates that the centre's is trusted by, beside those of the system. */
  readonly ca?: string | undefined
  readonly clock: Pick<Clock, 'now'>
  /** How long the feed may go without a whole event, be it that bytes trickle in. Default: 45 s, as it says something every 15 s. */
  readonly silentAtMost?: DurationMs | undefined
}

/** The centre does not answer as it should; the message says what to do. */
export class CentreError extends Error {
  override readonly name = 'CentreError'
  /** Of its answer; `undefined` where there was none. */
  readonly statusCode: number | undefined

  constructor(message: string, options: ErrorOptions & { readonly statusCode?: number } = {}) {
    super(message, options)
    this.statusCode = options.statusCode
  }
}

/** A centre over HTTP. Disposing of it ends all its connections. */
export class HttpCentre implements Centre, AsyncDisposable {
  readonly url: string
  readonly #token: HttpCentreOptions['token']
  readonly #silentAtMost: DurationMs
  readonly #agent: Agent
  readonly #clock: Pick<Clock, 'now'>
  #ahead: DurationMs | undefined

  constructor({ url, token, ca, clock, silentAtMost = SILENT_AT_MOST }: HttpCentreOptions) {
    this.#clock = clock
    this.url = url.replace(/\/+$/, '')
    this.#token = token
    this.#silentAtMost = silentAtMost
    this.#agent = new Agent({
      headersTimeout: ANSWERS_WITHIN,
      bodyTimeout: silentAtMost,
      maxResponseSize: -1,
      connect: {
        timeout: ANSWERS_WITHIN,
        ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
      },
    })
  }

  get ahead(): DurationMs | undefined {
    return this.#ahead
  }

  async *changes(
    {
      fingerprints,
      place,
    }: { readonly fingerprints: readonly string[]; readonly place: string | undefined },
    signal: AbortSignal,
  ): ReturnType<Centre['changes']> {
    const wanted = { fingerprint: fingerprints, ...(place === undefined ? {} : { after: place }) }
    const silent = new AbortController()
    const watch = () => setTimeout(() => silent.abort(new CentreError(SILENT)), this.#silentAtMost)
    let timer = watch()
    try {
      const response = await this.#send({
        method: 'POST',
        path: '/v1/changes',
        headers: { 'content-type': 'application/json' },
        // As a stream, which is forgotten when it is sent: undici keeps a text for as long as the answer lasts, which is for ever.
        body: Readable.from([JSON.stringify(wanted)]),
        signal: AbortSignal.any([signal, silent.signal]),
      })
      for await (const event of feedEvents(response.body)) {
        // What is done with it here may take longer than the centre may.
        clearTimeout(timer)
        yield event
        timer = watch()
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Tells the centre how the certificates of an edge stand. Rejects with what keeps it from being told, with a message for people. */
  async report(edge: string, report: EdgeReport, signal: AbortSignal): Promise<void> {
    await this.#tell({
      method: 'POST',
      path: `/v1/edges/${encodeURIComponent(edge)}`,
      headers: { 'content-type': 'application/json' },
      body: encodeEdgeReport(report),
      signal,
    })
  }

  /** Has the centre keep a staple for a certificate; `chain` is PEM, the leaf first. Rejects as {@link report}. */
  async offer(chain: string, signal: AbortSignal): Promise<void> {
    await this.#tell({
      method: 'PUT',
      path: '/v1/certificates',
      headers: { 'content-type': 'application/x-pem-file' },
      body: chain,
      signal,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }

  /** Sends a request of which only the success matters, and which is given up after a while, however the answer trickles in. */
  async #tell({ signal, ...request }: CentreRequest): Promise<void> {
    const late = AbortSignal.timeout(TOLD_WITHIN)
    const { body } = await this.#send({ ...request, signal: AbortSignal.any([signal, late]) })
    await body.dump({ limit: MOST_READ, signal: late })
  }

  /** Resolves once the head of a good answer is there. */
  async #send({ signal, ...request }: CentreRequest): Promise<Dispatcher.ResponseData> {
    const { origin, pathname } = new URL(this.url)
    const token = await this.#token?.()
    const response = await this.#agent
      .request({
        ...request,
        signal,
        origin,
        path: `${pathname.replace(/\/$/, '')}${request.path}`,
        headers: {
          ...request.headers,
          'user-agent': `everstaple-agent/${version}`,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      })
      .catch((error: unknown) => {
        throw signal.aborted ? error : new CentreError(whyUnreachable(error), { cause: error })
      })
    const date = Date.parse(String(response.headers['date']))
    if (!Number.isNaN(date)) this.#ahead = durationMs(this.#clock.now() - date)
    if (response.statusCode >= 200 && response.statusCode < 300) return response
    const { statusCode } = response
    const text = wordsIn(await beginning(response.body))
      .slice(0, MOST_SHOWN)
      .trim()
    const said = text === '' ? '' : `: ${text}`
    throw new CentreError(`it answers with status ${statusCode}${said}`, { statusCode })
  }
}

type CentreRequest = Pick<Dispatcher.RequestOptions, 'method' | 'path' | 'body'> & {
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** The beginning of a body that may be without end. */
async function beginning(body: Dispatcher.ResponseData['body']): Promise<string> {
  const late = setTimeout(() => body.destroy(), ANSWERS_WITHIN)
  let text = ''
  try {
    for await (const piece of body) {
      text += String(piece)
      if (text.length >= MOST_READ) break
    }
  } catch {
    // What came is enough to say what is wrong.
  } finally {
    clearTimeout(late)
  }
  return text
}

/** What a refusal says: the API has it as `error` in JSON, a proxy in front of it in a way of its own. */
function wordsIn(text: string): string {
  try {
    const { error }: { readonly error?: unknown } = JSON.parse(text) ?? {}
    return typeof error === 'string' ? error : text
  } catch {
    return text
  }
}

const ANSWERS_WITHIN: DurationMs = durationMs(10 * SECOND_MS)
const TOLD_WITHIN: DurationMs = durationMs(30 * SECOND_MS)
const SILENT_AT_MOST: DurationMs = durationMs(45 * SECOND_MS)
const SILENT = 'it says nothing whole for too long, where its feed says something every 15 s'
const MOST_READ = 10_000
const MOST_SHOWN = 300
