import type { LookupFunction } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { Agent, type buildConnector, type Client, type Dispatcher, Pool } from 'undici'
import { type DurationMs, durationMs } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'
import { formatDuration } from '../time/duration.ts'
import type { AllowedAddresses } from './address-screen.ts'
import { type ConnectionProblem, connectionProblem } from './connection-problem.ts'
import { redirection } from './redirection.ts'
import { type RequestTarget, requestTarget } from './request-url.ts'
import { responderHeaders } from './responder-headers.ts'
import { screenedConnect } from './screened-connect.ts'
import { SilentAddresses } from './silent-addresses.ts'
import { Trace, TracedClient } from './traced-client.ts'
import type { HttpRequest, HttpResult, Transport } from './transport.ts'

/** How much of anything a responder is given. */
export interface TransportLimits {
  readonly connectTimeout: DurationMs
  /** For all of an exchange, redirects and the last byte included. */
  readonly totalTimeout: DurationMs
  readonly maxBodyBytes: number
  readonly maxRedirects: number
  readonly maxConnectionsPerOrigin: number
}

/** Where the numbers come from stands beside each. */
const defaultLimits: TransportLimits = {
  // 3 to 5 s advised by acceptance.md section 3; a SYN that is lost twice arrives after 3 s.
  connectTimeout: durationMs(4_000),
  // The Baseline Requirements (4.10.2) want an answer within 10 s; Firefox waits as long.
  totalTimeout: durationMs(10_000),
  // Chromium and NSS read as much; no handshake carries more than 64 KiB - 1.
  maxBodyBytes: 65_536,
  // 2 to 3 advised by acceptance.md section 3; Chromium follows from http to http.
  maxRedirects: 3,
  // Only a backstop: how many at once is polite is decided where requests are scheduled.
  maxConnectionsPerOrigin: 128,
}

export interface UndiciTransportOptions {
  readonly clock: Clock
  readonly allowed: AllowedAddresses
  /** Of everstaple, for User-Agent. */
  readonly version: string
  /** Default: {@link defaultLimits}. */
  readonly limits?: Partial<TransportLimits>
  /** How host names are resolved. Default: as the system does. */
  readonly lookup?: LookupFunction
}

/**
 * Talks to responders over undici. Everything that a certificate can steer is screened, timed out and capped, and proxies of
 * the environment are not used.
 */
export class UndiciTransport implements Transport {
  readonly #clock: Clock
  readonly #allowed: AllowedAddresses
  readonly #userAgent: string
  readonly #limits: TransportLimits
  readonly #connect: (avoid?: readonly string[]) => buildConnector.connector
  readonly #clientOptions: Client.Options
  /** Connections that are kept; pools without a connection are dropped by the agent. */
  readonly #agent: Agent
  readonly #silent: SilentAddresses
  /** Connections for one request each, while it lasts. */
  readonly #fresh = new Set<TracedClient>()

  constructor(options: UndiciTransportOptions) {
    const { clock, allowed, version, lookup } = options
    this.#clock = clock
    this.#allowed = allowed
    this.#userAgent = `everstaple/${version}`
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#silent = new SilentAddresses(clock)
    const { connectTimeout, maxBodyBytes, maxConnectionsPerOrigin } = this.#limits
    this.#connect = (avoid = []) =>
      screenedConnect({
        allowed,
        isAvoided: (address) => avoid.includes(address) || this.#silent.has(address),
        timeout: connectTimeout,
        ...(lookup === undefined ? {} : { lookup }),
      })
    const connect = this.#connect()
    // undici's own time-outs look at each pause; the total, which a slow drip does not escape, is ours.
    const clientOptions = { maxResponseSize: maxBodyBytes, headersTimeout: 0, bodyTimeout: 0 }
    this.#clientOptions = clientOptions
    this.#agent = new Agent({
      factory: (origin) =>
        new Pool(origin, {
          connections: maxConnectionsPerOrigin,
          factory: (url) => new TracedClient(url, clientOptions, connect),
        }),
    })
  }

  async send(request: HttpRequest): Promise<HttpResult> {
    const started = this.#clock.monotonic()
    const { totalTimeout } = this.#limits
    const { signal } = request
    const stop = new AbortController()
    const trace = new Trace()
    let timer: NodeJS.Timeout | undefined
    let onAbort: (() => void) | undefined
    // undici heeds a signal only once a connection stands, so the outcome does not wait for undici.
    const cut = new Promise<ConnectionProblem>((resolve) => {
      onAbort = () => resolve({ cause: 'aborted', problem: 'aborted' })
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      timer = setTimeout(() => {
        const problem = `no complete response within ${formatDuration(totalTimeout)}`
        resolve({ cause: 'timeout', problem })
      }, totalTimeout)
    })
    const result = await Promise.race([cut, this.#follow(request, trace, stop.signal)])
    clearTimeout(timer)
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
    const elapsed = durationMs(this.#clock.monotonic() - started)
    if (!('cause' in result)) return { ...result, elapsed }
    const remoteAddress = trace.remoteAddress || undefined
    stop.abort()
    if (result.cause === 'timeout' && remoteAddress !== undefined) this.#silent.add(remoteAddress)
    return { kind: 'unreachable', ...result, remoteAddress, elapsed }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#agent, ...this.#fresh].map((dispatcher) => dispatcher.destroy()))
  }

  /** One exchange, and those that it redirects to. */
  async #follow(
    request: HttpRequest,
    trace: Trace,
    signal: AbortSignal,
  ): Promise<Response | ConnectionProblem> {
    const { maxRedirects } = this.#limits
    let { url } = request
    for (let hops = 0; !signal.aborted; hops++) {
      const target = requestTarget(url, this.#allowed)
      if (target.kind === 'refused') {
        const problem = hops === 0 ? target.problem : `redirected to ${url}: ${target.problem}`
        return { cause: 'refused', problem }
      }
      const answer = await this.#exchange(target, request, { trace, signal })
      if ('cause' in answer) return answer
      const { response, location } = answer
      const redirect = redirection(url, { statusCode: response.statusCode, location })
      if (redirect.kind === 'none') return response
      if (redirect.kind === 'stop') return { cause: 'redirect', problem: redirect.problem }
      if (hops === maxRedirects) {
        const problem = `redirected more than ${maxRedirects} times, last to ${JSON.stringify(redirect.url)}`
        return { cause: 'redirect', problem }
      }
      url = redirect.url
    }
    return { cause: 'aborted', problem: 'aborted' }
  }

  async #exchange(
    target: RequestTarget,
    request: HttpRequest,
    watched: Watched,
  ): Promise<Answer | ConnectionProblem> {
    if (request.connection === 'kept')
      return this.#exchangeOver(this.#agent, target, request, watched)
    const client = new TracedClient(
      target.origin,
      this.#clientOptions,
      this.#connect(request.avoid),
    )
    this.#fresh.add(client)
    const answer = await this.#exchangeOver(client, target, request, watched)
    this.#fresh.delete(client)
    await client.destroy()
    return answer
  }

  async #exchangeOver(
    dispatcher: Dispatcher,
    { origin, path }: RequestTarget,
    { method, body, connection, caches }: HttpRequest,
    { trace, signal }: Watched,
  ): Promise<Answer | ConnectionProblem> {
    const post = method === 'POST'
    try {
      const response = await dispatcher.request({
        origin,
        path,
        method,
        headers: {
          accept: 'application/ocsp-response, */*;q=0.1',
          'accept-encoding': 'identity',
          'user-agent': this.#userAgent,
          ...(post ? { 'content-type': 'application/ocsp-request' } : {}),
          ...(caches === 'bypass' ? { 'cache-control': 'no-cache', pragma: 'no-cache' } : {}),
        },
        body: post ? (body ?? new Uint8Array()) : null,
        reset: connection === 'fresh',
        opaque: trace,
        signal,
      })
      return await this.#answer(response, trace)
    } catch (error) {
      return this.#withLimit(connectionProblem(error))
    }
  }

  async #answer(
    { statusCode, headers, body }: Dispatcher.ResponseData<Trace>,
    trace: Trace,
  ): Promise<Answer | ConnectionProblem> {
    const encoding = headers['content-encoding']
    if (encoding !== undefined && String(encoding).toLowerCase() !== 'identity') {
      body.on('error', () => {}).destroy()
      const problem = `answered with Content-Encoding ${JSON.stringify(encoding)} although only identity was accepted`
      return { cause: 'protocol', problem }
    }
    const { remoteAddress } = trace
    const { location } = headers
    const bytes = await body.bytes()
    // undici lets go of the connection only when all sockets that can be read have been: whatever comes of the answer waits as long, as of
    // many that arrive together all would be judged before one of the next requests is written.
    await setImmediate()
    const response = {
      kind: 'response',
      statusCode,
      body: bytes,
      headers: responderHeaders(headers, this.#clock.now()),
      remoteAddress,
    } as const
    return { response, location: typeof location === 'string' ? location : location?.[0] }
  }

  #withLimit({ cause, problem }: ConnectionProblem): ConnectionProblem {
    const { connectTimeout, maxBodyBytes } = this.#limits
    if (cause === 'timeout') {
      return { cause, problem: `${problem} after ${formatDuration(connectTimeout)}` }
    }
    if (cause === 'too-large')
      return { cause, problem: `the body has more than ${maxBodyBytes} bytes` }
    return { cause, problem }
  }
}

/** How an exchange is told to end, and what tells where it went. */
interface Watched {
  readonly trace: Trace
  readonly signal: AbortSignal
}

interface Answer {
  readonly response: Response
  readonly location: string | undefined
}

type Response = Omit<Extract<HttpResult, { kind: 'response' }>, 'elapsed'>
