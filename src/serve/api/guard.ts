import type { Socket } from 'node:net'
import { type DurationMs, durationMs, SECOND_MS } from '../../der/time.ts'
import type { Clock } from '../../time/clock.ts'
import type { ConnectionLimit } from '../connection-limit.ts'
import { type Rate, RateLimit } from '../rate-limit.ts'
import { isLoopback } from '../remote-address.ts'
import { type AccessRules, type Asked, access, type Refusal } from './access.ts'

/** A request, as fastify and `node:http` have it. */
export interface GuardedRequest {
  readonly socket: Pick<Socket, 'remoteAddress' | 'remotePort'>
  readonly headers: Readonly<
    Partial<Record<'host' | 'origin' | 'authorization', string | undefined>>
  >
  readonly method: string
  readonly url: string
}

/** What a guard needs. */
export interface GuardOptions extends AccessRules {
  readonly clock: Clock
  /** Called for each connection over which a token was shown. */
  readonly release: ConnectionLimit['release']
}

/** Why a request is refused, or that there were too many. */
export type Repulse =
  | Refusal
  | { readonly statusCode: 429; readonly problem: string; readonly retryAfter: DurationMs }

/**
 * Decides which requests to the API are answered. A token that is right is never kept waiting for
 * those of its network that are wrong: a fleet may stand behind one address, and tokens are too
 * long to be guessed. The limits are there for the load.
 */
export class Guard {
  readonly #options: GuardOptions
  readonly #requests: RateLimit
  readonly #failures: RateLimit

  constructor(options: GuardOptions) {
    this.#options = options
    this.#requests = new RateLimit(options.clock, { fromOne: REQUESTS })
    this.#failures = new RateLimit(options.clock, { fromOne: FAILURES })
  }

  /** Why a request is not answered; `undefined` where it is. Rejects with what the tokens' file does. */
  async repulse(request: GuardedRequest): Promise<Repulse | undefined> {
    const { remoteAddress = '' } = request.socket
    const wait = isLoopback(remoteAddress) ? 0 : this.#requests.admit(remoteAddress)
    if (wait > 0) return tooMany('requests', durationMs(wait))
    const refused = await access(askedBy(request), this.#options)
    if (refused === undefined) {
      if (request.headers.authorization !== undefined) this.#options.release(request.socket)
      return undefined
    }
    const pause = this.#failures.admit(remoteAddress)
    return pause > 0 ? tooMany('requests that were refused', pause) : refused
  }

  /** Resolves when a request that was let in would be no longer, as its token was revoked, or when `signal` is aborted. */
  async expiry(request: GuardedRequest, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(LOOK_EVERY, signal)
      // What cannot be read now says nothing.
      const refused = await access(askedBy(request), this.#options).catch(() => undefined)
      if (refused !== undefined) return
    }
  }
}

function askedBy({ socket, headers, method, url }: GuardedRequest): Asked {
  const { host, origin, authorization } = headers
  const caller = { remoteAddress: socket.remoteAddress, host, origin }
  return { caller, authorization, method, path: url.split('?', 1)[0] ?? '' }
}

function tooMany(what: string, retryAfter: DurationMs): Repulse {
  return { statusCode: 429, problem: `too many ${what} from this address`, retryAfter }
}

/** From one network. An agent offers its certificates one by one, ten thousand maybe; a thousand agents report once a minute each. */
export const REQUESTS: Rate = { burst: 10_000, every: durationMs(SECOND_MS / 500) }

/** From one network, this machine included: a hundred agents whose token was revoked each try again within half a minute. */
export const FAILURES: Rate = { burst: 100, every: durationMs(SECOND_MS) }

const LOOK_EVERY: DurationMs = durationMs(15 * SECOND_MS)
