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
  readonly trouble: Trouble
  /** What the responder asked for, if it did. */
  readonly retryAfter: DurationMs | undefined
  /** When the staple in hand ends; `undefined` without one. */
  readonly deadline: EpochMs | undefined
}

/**
 * Whose trouble it is, for how long to wait:
 * - `responder`: it is away, whatever it is asked. Its health decides how often anybody asks, so that a certificate that needs it badly waits
 *   a minute at most.
 * - `busy`: it says tryLater, be it about some certificates only.
 * - `certificate`: it answers, but not with a staple for this one.
 * - `nothing-newer`: it answers well, with the staple that is in hand or one as old.
 * - `too-new`: it does not know a certificate that is younger than a day yet (CA #5). CAs have fifteen minutes (BR 4.9.10).
 */
export type Trouble = 'responder' | 'busy' | 'certificate' | 'nothing-newer' | 'too-new'

/**
 * When to try again: exponential back-off with full jitter, from ten seconds on average to an hour, to a day for faults that asking does
 * not cure. The nearer the deadline, the shorter: never more than a sixth of the time that is left, a third where the responder
 * answers, so that several attempts fit in; once it has passed, minutes, and of what asking does not cure ever longer again. Retry-After is honoured as far as these limits allow.
 */
export function planRetry(failed: Failed, now: EpochMs, random: Random): Plan {
  const { attempts, remedy, trouble, retryAfter } = failed
  const longest = trouble === 'too-new' ? LONGEST_TOO_NEW : remedy === 'fatal' ? DAY_MS : HOUR_MS
  const step = Math.min(longest, FIRST_STEP * 2 ** Math.min(attempts - 1, MAX_DOUBLINGS))
  const drawn = Math.max(step * random(), LEAST_WAIT)
  const wished = Math.min(Math.max(drawn, retryAfter ?? 0), DAY_MS)
  const allowed = Math.min(longest, longestBefore(failed, now))
  const wait = durationMs(Math.round(Math.min(wished, allowed)))
  const reason = `attempt ${attempts + 1}, ${formatDuration(wait)} after the last failed`
  return { dueAt: plus(now, wait), reason: reason + remark(failed, wished > allowed, now) }
}

function longestBefore({ deadline, trouble, remedy }: Failed, now: EpochMs): number {
  if (deadline !== undefined && deadline > now) {
    // Who answers well is asked less closely than who may be back at any moment.
    const isWell = trouble === 'certificate' || trouble === 'nothing-newer'
    return isWell
      ? Math.max((deadline - now) / 3, MINUTE_MS)
      : Math.max((deadline - now) / 6, LEAST_WAIT)
  }
  if (trouble === 'responder') return MINUTE_MS
  if (trouble === 'busy') return WITHOUT / 2
  if (deadline === undefined) return DAY_MS
  return remedy === 'fatal' ? Math.max((now - deadline) / 4, WITHOUT) : WITHOUT
}

function remark({ remedy, trouble, deadline }: Failed, isHurried: boolean, now: EpochMs): string {
  if (trouble === 'too-new') return ': the CA may not know so new a certificate yet'
  if (isHurried && deadline !== undefined) {
    return `: sooner, as the staple in hand ${deadline > now ? 'ends soon' : 'has ended'}`
  }
  return remedy === 'fatal' ? ': asking is not likely to cure this' : ''
}

const FIRST_STEP = 20 * SECOND_MS
const LEAST_WAIT = 2 * SECOND_MS
/** 20 s doubled 13 times is more than the longest wait. */
const MAX_DOUBLINGS = 13
const LONGEST_TOO_NEW = 15 * MINUTE_MS
/** A server may be without a staple meanwhile; and still no more than a handful of requests an hour. */
const WITHOUT = 10 * MINUTE_MS
