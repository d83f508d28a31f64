import { type DurationMs, durationMs, HOUR_MS } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'

/**
 * Addresses that took a request and gave no answer in time. Name servers give the addresses of a name in the same order for long, so
 * that the first, once it is silent, would keep the others from being asked at all.
 */
export class SilentAddresses {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #until = new Map<string, DurationMs>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  add(address: string): void {
    this.#until.delete(address)
    this.#until.set(address, durationMs(this.#clock.monotonic() + REMEMBERED))
    const [oldest] = this.#until.keys()
    if (this.#until.size > MOST && oldest !== undefined) this.#until.delete(oldest)
  }

  has(address: string): boolean {
    return (this.#until.get(address) ?? 0) > this.#clock.monotonic()
  }
}

/** As long as the longest back-off, so that the next attempt begins with another address. */
const REMEMBERED = HOUR_MS
/** Responders have few addresses, and few of them are silent. */
const MOST = 1_000
