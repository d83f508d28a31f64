import {
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  MINUTE_MS,
  plus,
  SECOND_MS,
} from '../der/time.ts'
import { type Habits, hasGap, isKnown } from '../responders/cadence.ts'
import type { Random } from '../time/clock.ts'
import { jitter } from '../time/jitter.ts'

/** When to ask next, and why, in words for people. */
export interface Plan {
  readonly dueAt: EpochMs
  readonly reason: string
}

/** Whether the certificate itself ends with the staple, so that nothing newer would last much longer. */
export function endsWithCertificate(
  { usableUntil }: Pick<StapleTimes, 'usableUntil'>,
  notAfter: EpochMs,
): boolean {
  return notAfter <= plus(usableUntil, LARGEST_MARGIN)
}

/** The times of a staple that planning looks at. */
export interface StapleTimes {
  readonly thisUpdate: EpochMs
  readonly nextUpdate: EpochMs
  readonly usableUntil: EpochMs
}

/** What is known when the responder has answered well, be it with the staple that was in hand. */
export interface Answered {
  readonly staple: StapleTimes
  readonly habits: Habits
  /** Until when caches give the same answer again, as its HTTP header fields say. */
  readonly freshUntil: EpochMs | undefined
  /** When the certificate ends. Default: later than the staple. */
  readonly notAfter?: EpochMs
}

/**
 * When to ask for a newer staple while all is well: when the CA is expected to have one, as soon as its habits are known; until then at a
 * quarter of the usable life, so that three quarters are left for a CA that is away. With jitter. Caches that would give the same
 * answer are left alone until half of its life, and longer where that costs little of it: they are often told when the CA has its next one.
 */
export function planRefresh(given: Answered, now: EpochMs, random: Random): Plan {
  const answered = { ...given, staple: unhurried(given) }
  const { staple, habits } = answered
  const plan = isKnown(habits)
    ? planByHabits(staple, habits, now, random)
    : planByLife(staple, now, random)
  const { dueAt, reason } = beforeTheEnd(afterCaches(plan, answered), given, now)
  return { dueAt: epochMs(Math.max(dueAt, plus(now, SECOND_MS))), reason }
}

/** Nothing newer lasts much longer where the certificate ends first, so that there is no reason to ask ever faster. */
function unhurried({ staple, notAfter }: Answered): StapleTimes {
  if (notAfter === undefined || !endsWithCertificate(staple, notAfter)) return staple
  return { ...staple, usableUntil: epochMs(Math.max(staple.usableUntil, staple.nextUpdate)) }
}

/** Once more before the certificate ends: what is newer has a smaller safety margin, which is minutes for the last connections. */
function beforeTheEnd(plan: Plan, { staple, notAfter }: Answered, now: EpochMs): Plan {
  if (notAfter === undefined || !endsWithCertificate(staple, notAfter)) return plan
  const last = plus(staple.usableUntil, -MINUTE_MS)
  if (last <= now || plan.dueAt <= last) return plan
  return { dueAt: last, reason: 'the certificate is about to end' }
}

function afterCaches(plan: Plan, { staple, habits, freshUntil }: Answered): Plan {
  if (freshUntil === undefined || freshUntil <= plan.dueAt || hasGap(habits)) return plan
  const half = plus(staple.thisUpdate, Math.round(lifeOf(staple) / 2))
  const isSoonAfter = freshUntil <= plan.dueAt + (staple.usableUntil - plan.dueAt) / 8
  if (plan.dueAt >= half && !isSoonAfter) return plan
  const dueAt = isSoonAfter ? freshUntil : epochMs(Math.min(freshUntil, half))
  return { dueAt, reason: 'the cache that answered gives the same until then' }
}

/**
 * A quarter of usable life; where that has passed, as with responses that were made long before they were fetched, a quarter of what is
 * left. Never sooner than a sixteenth of the usable life or a minute, whichever is less, so that the questions do not come
 * ever faster as the end comes near.
 */
function planByLife(staple: StapleTimes, now: EpochMs, random: Random): Plan {
  const life = lifeOf(staple)
  const least = plus(now, Math.round(Math.min(Math.max(life / 16, SECOND_MS), MINUTE_MS)))
  const quarter = plus(staple.thisUpdate, jitter(share(life, 4), JITTER, random))
  if (quarter > least) return { dueAt: quarter, reason: 'a quarter of usable life' }
  const left = Math.max(0, staple.usableUntil - now)
  const later = plus(now, jitter(share(left, 4), JITTER, random))
  return {
    dueAt: epochMs(Math.max(later, least)),
    reason: 'a quarter of the usable life that is left',
  }
}

function planByHabits(
  staple: StapleTimes,
  habits: Habits & { readonly renewal: DurationMs },
  now: EpochMs,
  random: Random,
): Plan {
  const life = lifeOf(staple)
  const expected = plus(staple.thisUpdate, habits.renewal + habits.lag)
  // A habit can be mistaken, of one certificate among others: whatever it says, some of the last quarter of life is left for asking.
  const late = plus(staple.thisUpdate, Math.round(life * 0.75))
  if (hasGap(habits)) {
    const before = lastQuestions(staple, late, now)
    const closely = askAcrossGap(staple, habits, now)
    return before !== undefined && before < closely.dueAt
      ? { dueAt: before, reason: A_QUARTER_LEFT }
      : closely
  }
  if (expected <= now) {
    const shortest = Math.max(SECOND_MS, Math.min(life, habits.renewal) / POLLS)
    const longest = Math.max(SECOND_MS, (staple.usableUntil - now) / 4)
    const wait = Math.min(Math.max(shortest, Math.min((now - expected) / 2, life / 16)), longest)
    const dueAt = plus(now, jitter(durationMs(Math.round(wait)), JITTER, random))
    return { dueAt, reason: 'the CA is late with its next one' }
  }
  const drawn = random()
  const soonest = Math.max(
    staple.thisUpdate + life / MOST_PER_LIFE,
    now + Math.min(life, habits.renewal) / POLLS,
  )
  const latest = now < late ? late : plus(now, (staple.usableUntil - now) / 2)
  const middle = (now + expected) / 2
  if (drawn < CURIOSITY && middle > soonest && middle <= latest) {
    const reason = 'half-way to when the CA is expected to have a newer one, as it may have more'
    return { dueAt: epochMs(Math.round(middle)), reason }
  }
  const spread = (habits.renewal / SPREAD) * drawn
  const wished = Math.max(expected + spread, soonest)
  return wished <= latest
    ? { dueAt: epochMs(Math.round(wished)), reason: 'the CA is expected to have a newer one' }
    : { dueAt: epochMs(Math.round(latest)), reason: A_QUARTER_LEFT }
}

/** At three quarters and seven eighths of life, and shortly before it ends; `undefined` after that. */
function lastQuestions(
  { usableUntil, thisUpdate }: StapleTimes,
  late: EpochMs,
  now: EpochMs,
): EpochMs | undefined {
  if (now < late) return late
  const rests = [8, 64].map((part) => Math.round((usableUntil - thisUpdate) / part))
  return rests.map((rest) => plus(usableUntil, -rest)).find((at) => now < at)
}

/**
 * Asks closely from the end of the staple on, or when the next one is expected if that is sooner, and from half of the lag: too long a renewal
 * or lag, learnt from an outage, must not cost a server its staple.
 */
export function askAcrossGap(
  { thisUpdate, nextUpdate }: Pick<StapleTimes, 'thisUpdate' | 'nextUpdate'>,
  { renewal, lag }: Habits & { readonly renewal: DurationMs },
  now: EpochMs,
): Plan {
  const period = durationMs(Math.min(renewal, nextUpdate - thisUpdate))
  return askClosely(plus(thisUpdate, Math.round(period + lag / 2)), period, now)
}

/**
 * Asks at the moment at which the next one should be there, as where periods hardly overlap (CA #1), and then at ever longer
 * intervals, each half of what it is late, up to a sixtieth of the period.
 */
export function askClosely(expected: EpochMs, period: DurationMs, now: EpochMs): Plan {
  if (expected > now) {
    return { dueAt: expected, reason: 'the next one is expected, and periods hardly overlap' }
  }
  const wait = Math.max(Math.min((now - expected) / 2, period / 60), SECOND_MS)
  return { dueAt: plus(now, Math.round(wait)), reason: 'periods hardly overlap: asking closely' }
}

function lifeOf({ thisUpdate, usableUntil }: StapleTimes): DurationMs {
  return durationMs(Math.max(0, usableUntil - thisUpdate))
}

function share(ms: number, parts: number): DurationMs {
  return durationMs(Math.round(ms / parts))
}

/** Of `safetyMargin`. */
const LARGEST_MARGIN = 5 * MINUTE_MS
const A_QUARTER_LEFT = 'a quarter of usable life is left'
const JITTER = 0.1
/** How finely a renewal is watched for that is late. */
const POLLS = 256
/** How widely certificates that were renewed together are spread: what is newer a minute later is lost when the CA goes away meanwhile. */
const SPREAD = 256
/** The share of questions that try whether there is something newer sooner: who comes for each second answer never sees it. */
const CURIOSITY = 1 / 16
/** A CA that signs anew for each request is asked no more often than this in the life of a staple. */
const MOST_PER_LIFE = 24
