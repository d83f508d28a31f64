import { rootCertificates } from 'node:tls'
import { Agent, type Dispatcher } from 'undici'
import { type DurationMs, durationMs, SECOND_MS } from '../../der/time.ts'
import { type EdgeReport, encodeEdgeReport } from '../../serve/edge-report.ts'
import type { Clock } from '../../time/clock.ts'
import { version } from '../../version.ts'
import type { Centre } from './centre-follower.ts'
import { feedEvents } from './event-stream.ts'

/** How a centre is reached. */
export interface HttpCentreOptions {
  /** `https://staples.example.org:8443`; a path in it is put before those of the API. */
  readonly url: string
  /** Sent as a bearer token. */
  readonly token?: string | undefined
  /** PEM certificates that the centre's is trusted by, beside those of the system. */
  readonly ca?: string | undefined
  readonly clock: Pick<Clock, 'now'>
}

/** The centre does not answer as it should; the message says what to do. */
export class CentreError extends Error {
  override readonly name = 'CentreError'
}

/** A centre over HTTP. Disposing of it ends all its connections. */
export class HttpCentre implements Centre, AsyncDisposable {
  readonly url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #agent: Agent
  readonly #clock: Pick<Clock, 'now'>
  #ahead: DurationMs | undefined

  constructor({ url, token, ca, clock }: HttpCentreOptions) {
    this.#clock = clock
    this.url = url.replace(/\/+$/, '')
    this.#headers = {
      'user-agent': `everstaple-agent/${version}`,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
    this.#agent = new Agent({
      headersTimeout: ANSWERS_WITHIN,
      // The feed says something every 15 seconds.
      bodyTimeout: SILENT_AT_MOST,
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
    const response = await this.#send({
      method: 'POST',
      path: '/v1/changes',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(wanted),
      signal,
    })
    yield* feedEvents(response.body)
  }

  /** Tells the centre how the certificates of an edge stand. Rejects with what keeps it from being told, with a message for people. */
  async report(edge: string, report: EdgeReport, signal: AbortSignal): Promise<void> {
    const response = await this.#send({
      method: 'POST',
      path: `/v1/edges/${encodeURIComponent(edge)}`,
      headers: { 'content-type': 'application/json' },
      body: encodeEdgeReport(report),
      signal,
    })
    await response.body.dump()
  }

  /** Has the centre keep a staple for a certificate; `chain` is PEM, the leaf first. Rejects as {@link report}. */
  async offer(chain: string, signal: AbortSignal): Promise<void> {
    const response = await this.#send({
      method: 'PUT',
      path: '/v1/certificates',
      headers: { 'content-type': 'application/x-pem-file' },
      body: chain,
      signal,
    })
    await response.body.dump()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }

  async #send(
    request: Pick<Dispatcher.RequestOptions, 'method' | 'path' | 'body' | 'signal'> & {
      readonly headers: Readonly<Record<string, string>>
    },
  ): Promise<Dispatcher.ResponseData> {
    const { origin, pathname } = new URL(this.url)
    const response = await this.#agent.request({
      ...request,
      origin,
      path: `${pathname.replace(/\/$/, '')}${request.path}`,
      headers: { ...this.#headers, ...request.headers },
    })
    const date = Date.parse(String(response.headers['date']))
    if (!Number.isNaN(date)) this.#ahead = durationMs(this.#clock.now() - date)
    if (response.statusCode >= 200 && response.statusCode < 300) return response
    const text = (await response.body.text()).slice(0, MOST_SHOWN)
    throw new CentreError(`it answers with status ${response.statusCode}: ${text.trim()}`)
  }
}

const ANSWERS_WITHIN: DurationMs = durationMs(10 * SECOND_MS)
const SILENT_AT_MOST: DurationMs = durationMs(45 * SECOND_MS)
const MOST_SHOWN = 300
