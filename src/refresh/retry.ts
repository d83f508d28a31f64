import {
  DAY_MS,
  type DurationMs,
  durationMs,
  type EpochMs,
  HOUR_MS,
  MINUTE_MS,
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
 * When to try again: exponential back-off, half of each step certain and half drawn, from ten seconds to an hour, to a day for faults that
 * asking does not cure. The nearer the deadline, the shorter: never more than a sixth of the time that is left, so that several attempts
 * fit in; once it has passed, at most ten minutes. Retry-After is honoured as far as these limits allow.
 */
export function planRetry(failed: Failed, now: EpochMs, random: Random): Plan {
  const { attempts, remedy, retryAfter, deadline } = failed
  const longest = remedy === 'fatal' ? DAY_MS : HOUR_MS
  const step = Math.min(longest, FIRST_STEP * 2 ** Math.min(attempts - 1, MAX_DOUBLINGS))
  const drawn = step / 2 + (step / 2) * random()
  const wished = Math.min(Math.max(drawn, retryAfter ?? 0), DAY_MS)
  const allowed = deadline === undefined ? longest : longestBefore(deadline, now)
  const wait = durationMs(Math.round(Math.min(wished, allowed)))
  const haste = deadline === undefined || wished <= allowed ? '' : hasteFor(deadline, now)
  const hope = remedy === 'fatal' ? ': asking is not likely to cure this' : ''
  const reason = `attempt ${attempts + 1}, ${formatDuration(wait)} after the last failed`
  return { dueAt: plus(now, wait), reason: reason + (haste === '' ? hope : haste) }
}

function longestBefore(deadline: EpochMs, now: EpochMs): number {
  return deadline > now ? Math.max((deadline - now) / 6, LEAST_WAIT) : WITHOUT
}

function hasteFor(deadline: EpochMs, now: EpochMs): string {
  return `: sooner, as the staple in hand ${deadline > now ? 'ends soon' : 'has ended'}`
}

const FIRST_STEP = 10 * SECOND_MS
const LEAST_WAIT = FIRST_STEP / 2
/** 10 s doubled 14 times is more than the longest wait. */
const MAX_DOUBLINGS = 14
/** A server may be without a staple meanwhile; and still no more than a handful of requests an hour. */
const WITHOUT = 10 * MINUTE_MS
