import { setTimeout as wait } from 'node:timers/promises'
import { type DurationMs, durationMs, type EpochMs, epochMs } from '../der/time.ts'

/** Time as the program sees it. Two clocks: one may step, the other only goes forward. */
export interface Clock {
  /** Wall clock: only for comparison with times in certificates and responses. May step either way. */
  now(): EpochMs
  /** Time elapsed since some fixed moment; never goes back. */
  monotonic(): DurationMs
  /** Resolves after `duration` of elapsed time, or at once when `signal` is aborted; never rejects. */
  sleep(duration: DurationMs, signal: AbortSignal): Promise<void>
}

/** A number in [0, 1), as `Math.random` gives. */
export type Random = () => number

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => epochMs(Date.now()),
  monotonic: () => durationMs(performance.now()),
  async sleep(duration, signal) {
    const end = performance.now() + duration
    while (!signal.aborted) {
      const left = end - performance.now()
      if (left <= 0) return
      // setTimeout takes at most 2^31-1 ms and treats more as 1 ms.
      await wait(Math.min(left, MAX_TIMER_MS), undefined, { signal }).catch(() => {})
    }
  },
}

const MAX_TIMER_MS = 2 ** 31 - 1
