import { type DurationMs, durationMs, type EpochMs, plus } from '../der/time.ts'
import type { Revocation } from '../ocsp/revocation.ts'
import type { Remedy } from '../ocsp/verdict.ts'
import { type Habits, hasGap, isKnown } from '../responders/cadence.ts'
import type { Claim, Schedule } from '../store/store.ts'
import type { Random } from '../time/clock.ts'
import { type Answered, askAcrossGap, askClosely, type Plan, planRefresh } from './plan.ts'
import { planRetry, type Trouble } from './retry.ts'

/** What planning needs of the world. */
export interface Planning {
  readonly habits: Habits
  readonly now: EpochMs
  readonly random: Random
}

/** What a failure means for the schedule. */
export interface Lapse {
  readonly problem: string
  readonly remedy: Remedy
  readonly trouble: Trouble
  readonly retryAfter: DurationMs | undefined
}

/** The schedule after a good answer; where it is the staple that was in hand, `unchangedAt` is for the caller to add. */
export function afterSuccess({ now, random, ...answered }: Answered & Planning): Schedule {
  const plan = planRefresh(answered, now, random)
  return { ...plan, attempts: 0, lastAttemptAt: now, lastError: undefined }
}

/** The schedule after a failure. */
export function afterFailure(
  claim: Pick<Claim, 'schedule' | 'staple'>,
  { problem, ...failure }: Lapse,
  planning: Planning,
): Schedule {
  const { now, random } = planning
  const attempts = claim.schedule.attempts + 1
  const deadline = claim.staple?.usableUntil
  const retry = planRetry({ attempts, deadline, ...failure }, now, random)
  const isAnswered = failure.trouble === 'certificate' || failure.trouble === 'nothing-newer'
  const plan = isAnswered ? soonerOf(retry, { ...claim, ...failure }, planning) : retry
  const unchangedAt = isUnchanged(failure, claim, now) ? now : claim.schedule.unchangedAt
  const failed = { ...plan, attempts, lastAttemptAt: now, lastError: problem }
  return {
    ...failed,
    ...standingRevocation(claim.schedule),
    ...(unchangedAt === undefined ? {} : { unchangedAt }),
  }
}

/** What a schedule says of a revocation that the CA has just said. */
export function sayingRevoked({ der, thisUpdate }: Revocation): Saying {
  return { revokedAsOf: thisUpdate, revocation: der }
}

type Saying = Pick<Schedule, 'revokedAsOf' | 'revocation'>

/** What a schedule says of a revocation, for the one that follows it while that stands. */
export function standingRevocation({ revokedAsOf, revocation }: Schedule): Saying {
  return {
    ...(revokedAsOf === undefined ? {} : { revokedAsOf }),
    ...(revocation === undefined ? {} : { revocation }),
  }
}

/** Whether the staple in hand was given again: what is past its nextUpdate is refused, so that an answer that ends is another one. */
function isUnchanged(
  { trouble }: Pick<Lapse, 'trouble'>,
  { staple }: Pick<Claim, 'staple'>,
  now: EpochMs,
): boolean {
  return trouble === 'nothing-newer' && staple !== undefined && now < staple.nextUpdate
}

/**
 * The CA that has nothing better than a staple which ends has its next one, at the latest, when that one is over. A period later, or where asking
 * does not cure it, there is no roll-over any more to be close to.
 */
function soonerOf(
  retry: Plan,
  { staple, remedy }: Pick<Claim, 'staple'> & Pick<Lapse, 'remedy'>,
  { habits, now }: Planning,
): Plan {
  if (staple === undefined) return retry
  const { thisUpdate, nextUpdate } = staple
  const period = durationMs(nextUpdate - thisUpdate)
  if (now >= plus(nextUpdate, remedy === 'fatal' ? 0 : period)) return retry
  if (isKnown(habits) && hasGap(habits)) {
    return askAcrossGap(staple, habits, now)
  }
  const next = askClosely(nextUpdate, period, now)
  return next.dueAt < retry.dueAt ? next : retry
}
