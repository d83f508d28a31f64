import {
  DAY_MS,
  type DurationMs,
  durationMs,
  type EpochMs,
  HOUR_MS,
  plus,
  SECOND_MS,
} from '../der/time.ts'
import type { Remedy } from '../ocsp/verdict.ts'
import type { Random } from '../time/clock.ts'
import { formatDuration } from '../time/duration.ts'
import type { Plan } from './plan.ts'

/** What is known when an attempt has failed. */
export interface Failed {
  /** Failed attempts since the last success, this one included. */
  readonly attempts: number
  readonly remedy: Remedy
  /** What the responder asked for, if it did. */
  readonly retryAfter: DurationMs | undefined
  /** When the staple in hand ends; `undefined` without one. */
  readonly deadline: EpochMs | undefined
}

/**
 * When to try again: exponential back-off with full jitter (half of the step is certain, half is drawn), from ten seconds to an hour, to a
 * day for faults that asking does not cure. The nearer the deadline, the shorter: never more than a sixth of the time that is left,
 * so that several attempts fit in. Retry-After is honoured as far as that allows.
 */
export function planRetry(failed: Failed, now: EpochMs, random: Random): Plan {
  const { attempts, remedy, retryAfter, deadline } = failed
  const longest = remedy === 'fatal' ? DAY_MS : HOUR_MS
  const step = Math.min(longest, FIRST_STEP * 2 ** Math.min(attempts - 1, MAX_DOUBLINGS))
  const drawn = step / 2 + (step / 2) * random()
  const wished = Math.max(drawn, retryAfter ?? 0)
  const left = deadline === undefined ? Number.POSITIVE_INFINITY : deadline - now
  const allowed = left > 0 ? Math.max(left / 6, FIRST_STEP / 2) : longest
  const wait = durationMs(Math.round(Math.min(wished, allowed, DAY_MS)))
  return { dueAt: plus(now, wait), reason: reasonFor(failed, wished > allowed, wait) }
}

function reasonFor({ attempts, remedy }: Failed, hurried: boolean, wait: DurationMs): string {
  const after = `attempt ${attempts + 1}, ${formatDuration(wait)} after the last failed`
  if (hurried) return `${after}: sooner, as the staple in hand ends soon`
  return remedy === 'fatal' ? `${after}: asking is not likely to cure this` : after
}

const FIRST_STEP = 10 * SECOND_MS
/** 10 s doubled 14 times is more than the longest wait. */
const MAX_DOUBLINGS = 14
