import { setImmediate as turn } from 'node:timers/promises'
import { type DurationMs, durationMs, type EpochMs, epochMs } from '../der/time.ts'
import type { Clock } from './clock.ts'

/**
 * A clock whose time moves only when told: the same code runs for real and in a simulated year that takes seconds. Its two clocks
 * are independent, as on a machine whose wall clock is set.
 */
export class SimulatedClock implements Clock {
  #elapsed = 0
  #wallOffset: number
  // In the order in which they wake; of two that wake at the same moment, the one that went to sleep first.
  readonly #sleepers: Sleeper[] = []

  constructor(start: EpochMs) {
    this.#wallOffset = start
  }

  now(): EpochMs {
    return epochMs(this.#wallOffset + this.#elapsed)
  }

  monotonic(): DurationMs {
    return durationMs(this.#elapsed)
  }

  sleep(duration: DurationMs, signal: AbortSignal): Promise<void> {
    if (signal.aborted || duration <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const sleeper: Sleeper = { wakeAt: this.#elapsed + duration, wake }
      const sleepers = this.#sleepers
      function wake() {
        signal.removeEventListener('abort', wake)
        const place = sleepers.indexOf(sleeper)
        if (place !== -1) sleepers.splice(place, 1)
        resolve()
      }
      signal.addEventListener('abort', wake, { once: true })
      const after = sleepers.findIndex(({ wakeAt }) => wakeAt > sleeper.wakeAt)
      sleepers.splice(after === -1 ? sleepers.length : after, 0, sleeper)
    })
  }

  /**
   * Lets both clocks go forward. Whoever sleeps wakes at the moment that it asked for, in order, and has done what it does without
   * waiting for the world (going to sleep again included) before time goes on.
   */
  async advance(duration: DurationMs): Promise<void> {
    const end = this.#elapsed + duration
    await turn()
    for (;;) {
      const [next] = this.#sleepers
      if (next === undefined || next.wakeAt > end) break
      this.#elapsed = next.wakeAt
      next.wake()
      await turn()
    }
    this.#elapsed = end
  }

  /** Sets the wall clock forward or back, as an administrator or NTP does; nobody wakes for it. */
  stepWallClock(by: number): void {
    this.#wallOffset += by
  }

  /** How many are asleep: lets a test wait until the code under test has nothing left to do. */
  get sleeping(): number {
    return this.#sleepers.length
  }
}

interface Sleeper {
  readonly wakeAt: number
  readonly wake: () => void
}
