// Not undici, which is as good, and 6 MB: an edge has little to spare, and these are there anyhow, to serve with.
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import { urlToHttpOptions } from 'node:url'
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
  readonly #agent: HttpAgent | HttpsAgent
  readonly #clock: Pick<Clock, 'now'>
  #ahead: DurationMs | undefined

  constructor({ url, token, ca, clock, silentAtMost = SILENT_AT_MOST }: HttpCentreOptions) {
    this.#clock = clock
    this.url = url.replace(/\/+$/, '')
    this.#token = token
    this.#silentAtMost = silentAtMost
    const keepAlive = true
    this.#agent = this.#isTls()
      ? new HttpsAgent({
          keepAlive,
          ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
        })
      : new HttpAgent({ keepAlive })
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
    const response = await this.#send({
      method: 'POST',
      path: '/v1/changes',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(wanted),
      signal,
    })
    const watch = () =>
      setTimeout(() => response.destroy(new CentreError(SILENT)), this.#silentAtMost)
    let timer = watch()
    try {
      for await (const event of feedEvents(response)) {
        // What is done with it here may take longer than the centre may.
        clearTimeout(timer)
        yield event
        timer = watch()
      }
    } catch (error) {
      throw isBrokenOff(error) ? new CentreError(BROKEN_OFF, { cause: error }) : error
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
    this.#agent.destroy()
  }

  /** Sends a request of which only the success matters, and which is given up after a while, however the answer trickles in. */
  async #tell({ signal, ...request }: CentreRequest): Promise<void> {
    const late = AbortSignal.timeout(TOLD_WITHIN)
    await beginning(await this.#send({ ...request, signal: AbortSignal.any([signal, late]) }))
  }

  /** Resolves once the head of a good answer is there. */
  async #send({ signal, method, path, headers, body }: CentreRequest): Promise<IncomingMessage> {
    const url = new URL(this.url)
    const token = await this.#token?.()
    const request = (this.#isTls() ? httpsRequest : httpRequest)({
      ...urlToHttpOptions(url),
      ...{ method, signal, agent: this.#agent },
      path: `${url.pathname.replace(/\/$/, '')}${path}`,
      headers: {
        ...headers,
        'content-length': Buffer.byteLength(body),
        'user-agent': `everstaple-agent/${version}`,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    })
    const response = await answerTo(request.end(body)).catch((error: unknown) => {
      if (signal.aborted || error instanceof CentreError) throw error
      const problem = isBrokenOff(error) ? BROKEN_OFF : whyUnreachable(error)
      throw new CentreError(problem, { cause: error })
    })
    const date = Date.parse(response.headers.date ?? '')
    if (!Number.isNaN(date)) this.#ahead = durationMs(this.#clock.now() - date)
    const { statusCode = 0 } = response
    if (statusCode >= 200 && statusCode < 300) return response
    const text = wordsIn(await beginning(response))
      .slice(0, MOST_SHOWN)
      .trim()
    const said = text === '' ? '' : `: ${text}`
    throw new CentreError(`it answers with status ${statusCode}${said}`, { statusCode })
  }

  #isTls(): boolean {
    return new URL(this.url).protocol === 'https:'
  }
}

interface CentreRequest {
  readonly method: 'POST' | 'PUT'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly signal: AbortSignal
}

/** Node.js says `aborted`, or `socket hang up`. */
function isBrokenOff(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
}

async function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  const late = setTimeout(() => request.destroy(new CentreError(NO_ANSWER)), ANSWERS_WITHIN)
  try {
    return await new Promise((resolve, reject) => {
      request.once('response', resolve)
      // Not once: it may break off later as well, which the answer tells by itself.
      request.on('error', reject)
    })
  } finally {
    clearTimeout(late)
  }
}

/** The beginning of a body that may be without end, which is read no further. */
async function beginning(body: IncomingMessage): Promise<string> {
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
const NO_ANSWER =
  'it does not answer within 10 s: see that its address is right, and that a firewall lets this machine through'
const TOLD_WITHIN: DurationMs = durationMs(30 * SECOND_MS)
const SILENT_AT_MOST: DurationMs = durationMs(45 * SECOND_MS)
const BROKEN_OFF = 'the connection to it broke off'
const SILENT = 'it says nothing whole for too long, where its feed says something every 15 s'
const MOST_READ = 10_000
const MOST_SHOWN = 300
