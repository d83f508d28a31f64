import {
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  MINUTE_MS,
  plus,
  SECOND_MS,
} from '../der/time.ts'
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
 * of jitter; never sooner than a sixteenth of the usable life or a minute, whichever is less, so that the questions do not come ever faster
 * as the end comes near.
 */
export function planRefresh(staple: StapleTimes, now: EpochMs, random: Random): Plan {
  const { thisUpdate, usableUntil } = staple
  const life = Math.max(0, usableUntil - thisUpdate)
  const least = plus(now, Math.round(Math.min(Math.max(life / 16, LEAST_WAIT), MOST_LEAST_WAIT)))
  const quarter = plus(thisUpdate, jitter(quarterOf(life), JITTER, random))
  if (quarter > least) return { dueAt: quarter, reason: 'a quarter of usable life' }
  const left = Math.max(0, usableUntil - now)
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
/** Even for a response that lives for seconds, as in tests. */
const LEAST_WAIT = SECOND_MS
const MOST_LEAST_WAIT = MINUTE_MS
