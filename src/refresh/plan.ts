import { type DurationMs, durationMs, type EpochMs, epochMs, MINUTE_MS, plus } from '../der/time.ts'
import type { Random } from '../time/clock.ts'
import { jitter } from '../time/jitter.ts'

/** When to ask next, and why, in words for people. */
export interface Plan {
  readonly dueAt: EpochMs
  readonly reason: string
}

/** The times of a staple that planning looks at. */
export interface StapleTimes {
  readonly thisUpdate: EpochMs
  readonly usableUntil: EpochMs
}

/**
 * When to ask for a newer staple while all is well: at a quarter of its usable life, so that three quarters are left for a CA that is away;
 * where that has passed, as with responses that were made long before they were fetched, after a quarter of what is left. With ±10 %
 * of jitter; never sooner than a minute from `now`, unless the staple ends before.
 */
export function planRefresh(staple: StapleTimes, now: EpochMs, random: Random): Plan {
  const { thisUpdate, usableUntil } = staple
  const quarter = plus(thisUpdate, jitter(quarterOf(usableUntil - thisUpdate), JITTER, random))
  const left = Math.max(0, usableUntil - now)
  const least = plus(now, Math.round(Math.min(LEAST_WAIT, left / 2)))
  if (quarter > least) return { dueAt: quarter, reason: 'a quarter of usable life' }
  const later = plus(now, jitter(quarterOf(left), JITTER, random))
  return {
    dueAt: epochMs(Math.max(later, least)),
    reason: 'a quarter of the usable life that is left',
  }
}

function quarterOf(ms: number): DurationMs {
  return durationMs(Math.round(ms / 4))
}

const JITTER = 0.1
const LEAST_WAIT = MINUTE_MS
