import { type DurationMs, durationMs, HOUR_MS, MINUTE_MS } from '../der/time.ts'
import type { LocalOutputs } from '../edge/local-outputs.ts'
import type { Events } from '../events.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'

/** What housekeeping works with. */
export interface Household {
  readonly store: Pick<Store, 'coverage' | 'nextDueAt'>
  readonly outputs: Pick<LocalOutputs, 'sweep' | 'nextEnd'>
  readonly clock: Clock
  readonly events: Pick<Events, 'summary' | 'storeFailed'>
  /** Whether every certificate that was there at the start has been asked about once. */
  readonly isRoundDone: () => Promise<boolean>
}

/**
 * Sweeps the outputs every minute, and when a staple ends. A summary comes when the first round is done, or after a minute; then every hour, and at the end of each
 * minute in which coverage changed. Runs until `signal` is aborted.
 */
export async function keepHouse(household: Household, signal: AbortSignal): Promise<void> {
  const { store, outputs, clock, events } = household
  let toldAt = clock.monotonic()
  let told = ''
  await firstRound(household, signal)
  while (!signal.aborted) {
    // Before the sweep, so that what ends during it or after is not slept through.
    const now = clock.now()
    await outputs.sweep()
    try {
      const coverage = await store.coverage(clock.now())
      const text = JSON.stringify(coverage)
      if (text !== told || clock.monotonic() - toldAt >= SUMMARY_EVERY) {
        events.summary({ coverage, next: await store.nextDueAt() })
        told = text
        toldAt = clock.monotonic()
      }
    } catch (error) {
      events.storeFailed({ error })
    }
    const end = outputs.nextEnd(now) ?? Number.POSITIVE_INFINITY
    const left = Math.max(0, end - clock.now())
    await clock.sleep(durationMs(Math.min(SWEEP_EVERY, left)), signal)
  }
}

async function firstRound(
  { clock, events, isRoundDone }: Household,
  signal: AbortSignal,
): Promise<void> {
  const end = clock.monotonic() + SWEEP_EVERY
  while (!signal.aborted && clock.monotonic() < end) {
    try {
      if (await isRoundDone()) return
    } catch (error) {
      return events.storeFailed({ error })
    }
    await clock.sleep(LOOK_EVERY, signal)
  }
}

const LOOK_EVERY: DurationMs = durationMs(250)
const SWEEP_EVERY: DurationMs = durationMs(MINUTE_MS)
const SUMMARY_EVERY: DurationMs = durationMs(HOUR_MS)
