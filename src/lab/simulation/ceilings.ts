import { MINUTE_MS, SECOND_MS } from '../../der/time.ts'
import type { CrawlerLimits } from '../../refresh/crawler.ts'
import type { Scene } from './scene.ts'
import type { SimulatedCertificate } from './simulated-authority.ts'

/**
 * Invariant: what one responder is asked keeps to its limits. Of one run of the service, as each starts anew.
 *
 * - Never more requests at once than `perResponder`.
 * - In a second at most the bucket (`ratePerSecond`), what flows into it in that second, and the three repeats of each fetch under way, which
 *   are paid for only when it has ended. In a minute the same with what flows in within a minute, as the repeats have been paid for.
 * - While it is away, one fetch at a time, each a pause after the one before: 2 s, doubled up to a minute, less a quarter.
 */
export class Ceilings {
  readonly #scene: Scene
  readonly #responders = new Map<string, Asked>()

  constructor(scene: Scene) {
    this.#scene = scene
  }

  begin(certificate: SimulatedCertificate, step: 'first' | 'repeat'): void {
    const asked = this.#asked(certificate.plan.authority.origin)
    const now = this.#scene.clock.monotonic()
    if (asked.away !== undefined && step === 'first') {
      this.#probe(asked, asked.away, certificate, now)
    }
    asked.underWay++
    asked.times.push(now)
    while ((asked.times[0] ?? now) <= now - MINUTE_MS) asked.times.shift()
    this.#check(asked, certificate, now)
  }

  end({ plan }: SimulatedCertificate): void {
    this.#asked(plan.authority.origin).underWay--
  }

  responderAway(origin: string): void {
    this.#asked(origin).away = { pauses: 0, since: this.#scene.clock.monotonic() }
  }

  responderBack(origin: string): void {
    this.#asked(origin).away = undefined
  }

  #check({ underWay, times }: Asked, certificate: SimulatedCertificate, now: number): void {
    const { perResponder, ratePerSecond }: CrawlerLimits = this.#scene.world.limits
    if (underWay > perResponder) {
      const problem = `${underWay} requests at once, ${perResponder} at most`
      this.#scene.violate('concurrency', problem, certificate)
    }
    const most = (seconds: number) => ratePerSecond * (1 + seconds) + REPEATS * perResponder
    const inSecond = times.length - times.findIndex((at) => at > now - SECOND_MS)
    for (const [count, seconds] of [[inSecond, 1] as const, [times.length, 60] as const]) {
      if (count <= most(seconds)) continue
      const problem = `${count} requests within ${seconds} s, ${most(seconds)} at most`
      this.#scene.violate('rate', problem, certificate)
    }
  }

  #probe(asked: Asked, away: Away, certificate: SimulatedCertificate, now: number): void {
    const pause = 0.75 * Math.min(MINUTE_MS, 2 * SECOND_MS * 2 ** away.pauses)
    if (asked.underWay > 0) {
      this.#scene.violate('breaker', 'asked while a probe is under way', certificate)
    }
    if (now - away.since < pause) {
      const problem = `probed ${now - away.since} ms after the last time, ${pause} at least`
      this.#scene.violate('breaker', problem, certificate)
    }
    away.pauses++
    away.since = now
  }

  #asked(origin: string): Asked {
    const known = this.#responders.get(origin)
    if (known !== undefined) return known
    const asked: Asked = { underWay: 0, times: [], away: undefined }
    this.#responders.set(origin, asked)
    return asked
  }
}

interface Asked {
  underWay: number
  /** When requests began, in the last minute. */
  readonly times: number[]
  away: Away | undefined
}

interface Away {
  /** Probes so far. */
  pauses: number
  /** Of the breaker's opening, or of the last probe. */
  since: number
}

/** GET over a kept connection, then POST and GET over fresh ones, and once more for an address that was not asked yet. */
const REPEATS = 3
