import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { Staple } from '../ocsp/verdict.ts'
import type { Random } from '../time/clock.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { FetchResult } from './fetch-staple.ts'

/** What a kept staple needs of the world. */
export interface KeptStapleWorld {
  readonly policy: Policy
  readonly now: () => EpochMs
  readonly random: Random
  /** Runs something later, without keeping the process alive; gives what cancels it. */
  readonly later: (delayMs: number, run: () => void) => () => void
  readonly fetch: (etag: string | undefined) => Promise<FetchResult>
  /** There is no usable staple, and why. Told once until there has been one again. */
  readonly unstapled: (problem: string) => void
}

/**
 * The staple of one certificate, kept fresh.
 *
 * Idle: nobody asked yet, or the staple expired while nothing was planned; asking starts a fetch.
 * Fetching: one request is under way.
 * Waiting: a staple is held, or the last fetch failed; the timer starts the next fetch, or makes it idle when nobody asked for long.
 *
 * A staple is replaced only by an accepted one that is not older, and given out until its usableUntil. An answer `unauthorized` of
 * the service is believed after it has been repeated for ten minutes: so a service that starts over with an empty store
 * unstaples nobody, and a staple withdrawn for a revoked certificate soon goes.
 */
export class KeptStaple {
  readonly #certificate: Certificate
  readonly #issuer: Certificate
  readonly #world: KeptStapleWorld
  readonly #firstStaple = Promise.withResolvers<void>()
  #staple: Staple | undefined
  #etag: string | undefined
  #fetching: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #failures = 0
  #usedAt: EpochMs
  #refusedSince: EpochMs | undefined
  #told: 'yes' | 'no' = 'no'

  constructor(certificate: Certificate, issuer: Certificate, world: KeptStapleWorld) {
    this.#certificate = certificate
    this.#issuer = issuer
    this.#world = world
    this.#usedAt = world.now()
  }

  /** The staple if it is usable now. Where it is not, and no fetch failed, starts one. */
  use(): Uint8Array | undefined {
    const now = this.#world.now()
    this.#usedAt = now
    if (this.#staple !== undefined && now < this.#staple.usableUntil) return this.#staple.der
    if (this.#failures === 0) this.#refresh()
    return undefined
  }

  /** The fetch that is under way. */
  get fetching(): Promise<void> | undefined {
    return this.#fetching
  }

  /** Resolves with the first accepted staple. */
  get firstStaple(): Promise<void> {
    return this.#firstStaple.promise
  }

  /** Plans nothing any more. */
  stop(): void {
    this.#cancel?.()
    this.#cancel = () => {}
    this.#failures = Number.POSITIVE_INFINITY
  }

  /** Fetches now, unless it does already. */
  #refresh(): void {
    this.#cancel?.()
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined
    })
  }

  async #fetch(): Promise<void> {
    const problem = this.#takeSafely(await this.#world.fetch(this.#etag))
    if (this.#failures === Number.POSITIVE_INFINITY) return
    if (problem === undefined) {
      this.#failures = 0
      this.#told = 'no'
    } else {
      this.#failures += 1
      this.#tell(problem)
    }
    this.#cancel = this.#world.later(this.#delay(), () => this.#refreshIfInUse())
  }

  #refreshIfInUse(): void {
    const isIdle = this.#world.now() - this.#usedAt > IDLE_MS
    if (isIdle) this.#failures = 0
    else this.#refresh()
  }

  /** We are a guest in somebody's server: whatever a response does to our code must not end its process. */
  #takeSafely(result: FetchResult): string | undefined {
    try {
      return this.#take(result)
    } catch (error) {
      return `the response cannot be judged: ${String(error)}`
    }
  }

  /** Takes a result in; says what is wrong with it. */
  #take(result: FetchResult): string | undefined {
    if (result.kind === 'failed') return result.problem
    const now = this.#world.now()
    if (result.kind === 'not-modified') {
      this.#refusedSince = undefined
      return undefined
    }
    if (isUnauthorized(result.body)) return this.#takeRefusal(now)
    this.#refusedSince = undefined
    const verdict = judge({
      response: result.body,
      certificate: this.#certificate,
      issuer: this.#issuer,
      now,
      policy: this.#world.policy,
    })
    if (!verdict.accepted) {
      const [{ rule, saw, required }] = verdict.findings
      return `the response is not acceptable (${rule}): ${saw}, required ${required}`
    }
    const held = this.#staple
    if (held !== undefined && verdict.staple.thisUpdate < held.thisUpdate) return undefined
    this.#staple = verdict.staple
    this.#etag = result.etag
    this.#firstStaple.resolve()
    return undefined
  }

  #takeRefusal(now: EpochMs): string {
    this.#refusedSince ??= now
    if (now - this.#refusedSince >= BELIEVE_REFUSAL_MS) {
      this.#staple = undefined
      this.#etag = undefined
    }
    return 'the service answers "unauthorized": it does not manage the certificate, or has no staple for it yet; `everstaple status` says which'
  }

  #tell(problem: string): void {
    const isUsable = this.#staple !== undefined && this.#world.now() < this.#staple.usableUntil
    if (isUsable || this.#told === 'yes') return
    this.#told = 'yes'
    this.#world.unstapled(problem)
  }

  /** A quarter of what is left, at most an hour, so that a newer staple or a withdrawal arrives; after failures 1 s, 2 s, 4 s … 1 min. */
  #delay(): number {
    const left = (this.#staple?.usableUntil ?? 0) - this.#world.now()
    const planned =
      this.#failures === 0
        ? Math.min(left / 4, HOUR_MS)
        : Math.min(SECOND_MS * 2 ** (this.#failures - 1), MINUTE_MS)
    return Math.max(SECOND_MS, planned) * (0.75 + 0.5 * this.#world.random())
  }
}

// OCSPResponse with the status unauthorized(6) and nothing more       RFC 6960 §4.2.1
function isUnauthorized(body: Uint8Array): boolean {
  return body.length === 5 && body[2] === 0x0a && body[4] === 6
}

/** Longer than a staple is usable: what nobody asks for meanwhile is a certificate that was replaced. */
const IDLE_MS = 8 * DAY_MS
const BELIEVE_REFUSAL_MS = 10 * MINUTE_MS
