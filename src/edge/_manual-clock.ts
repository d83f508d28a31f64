import { setImmediate as turn } from 'node:timers/promises'
import { type DurationMs, durationMs, type EpochMs, epochMs } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #elapsed = 0
  readonly #sleepers = new Set<{ readonly until: number; readonly wake: () => void }>()

  now(): EpochMs {
    return epochMs(START + this.#elapsed)
  }

  monotonic(): DurationMs {
    return durationMs(this.#elapsed)
  }

  sleep(duration: DurationMs, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const sleeper = {
        until: this.#elapsed + duration,
        wake: () => {
          this.#sleepers.delete(sleeper)
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      signal.addEventListener('abort', sleeper.wake, { once: true })
    })
  }

  /** Lets time pass, and everybody who wakes up meanwhile do what they do. */
  async advance(duration: number): Promise<void> {
    const end = this.#elapsed + duration
    await turn()
    while (true) {
      const next = Math.min(...[...this.#sleepers].map(({ until }) => until))
      if (next > end) break
      this.#elapsed = next
      for (const { until, wake } of this.#sleepers) if (until <= next) wake()
      await turn()
    }
    this.#elapsed = end
  }
}

const START = 1_800_000_000_000
