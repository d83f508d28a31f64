import { DAY_MS, HOUR_MS } from '../../der/time.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import { type Habits, hasGap, isKnown } from '../cadence.ts'
import { isGood, type Pattern, type SortedLog } from './pattern.ts'
import { olderThanAnother } from './stale-edge.ts'
import { lasting, partOf } from './wording.ts'

/** CA #1. */
export const periodsBarelyOverlap: Pattern = {
  name: 'periods-barely-overlap',
  advice: 'tell the CA to renew at half of a period, so that a valid response can always be had',
  find: ({ all, habits }) => {
    if (!barelyOverlap(habits)) return undefined
    const { validity = 0, renewal = 0, lag } = habits
    const overlap = lasting(Math.max(0, validity - renewal - lag))
    const newer = `a newer one can be had ${lasting(renewal + lag)} after the thisUpdate of the former`
    const evidence = `responses are valid for ${lasting(validity)} and ${newer}: they overlap by ${overlap}`
    return { evidence, shownBy: all.filter(isGood) }
  },
}

/**
 * Later than CA/B BR 4.9.10 allows; private CAs may do as they like, and yet it leaves them as
 * little time.
 */
export const refreshedLate: Pattern = {
  name: 'refreshed-late',
  advice:
    'tell the CA that responses are renewed later than the Baseline Requirements (4.9.10) allow',
  find: (log) => (barelyOverlap(log.habits) ? undefined : (byAge(log) ?? byHabit(log))),
}

function byAge({ all, recent }: SortedLog): ReturnType<Pattern['find']> {
  const stale = new Set(olderThanAnother(all))
  const isLate = (attempt: LoggedAttempt) => ageOf(attempt) > OLDEST && !stale.has(attempt)
  const shown = recent.filter(isLate)
  if (shown.length < 2) return undefined
  const good = recent.filter(isGood).length
  const oldest = shown.reduce((most, attempt) => Math.max(most, ageOf(attempt)), 0)
  const answers = partOf(shown.length, good, 'good answer')
  const evidence = `${answers} are more than 4 days old, the oldest ${lasting(oldest)}`
  return { evidence, shownBy: all.filter(isLate) }
}

function byHabit({ all, habits }: SortedLog): ReturnType<Pattern['find']> {
  const { validity, renewal, lag } = habits
  if (!isKnown(habits) || validity === undefined || renewal === undefined) return undefined
  const latest = latestRenewal(validity)
  // A twentieth more, as the lag is known by polling only.
  if (renewal + lag <= latest * 1.05) return undefined
  const newer = `a newer response can be had ${lasting(renewal + lag)} after the thisUpdate of the former`
  const allowed = `${lasting(latest)} is allowed for a validity of ${lasting(validity)}`
  const evidence = `${newer}, where ${allowed}`
  return { evidence, shownBy: all.filter(isGood) }
}

/**
 * From thisUpdate, in milliseconds: half of a validity below 16 hours; else 8 hours before
 * nextUpdate and after 4 days at the latest.
 */
function latestRenewal(validity: number): number {
  return validity < 16 * HOUR_MS ? validity / 2 : Math.min(OLDEST, validity - 8 * HOUR_MS)
}

function barelyOverlap(habits: Habits): boolean {
  if (!isKnown(habits) || habits.validity === undefined) return false
  return hasGap(habits) || habits.renewal + habits.lag > habits.validity * 0.95
}

/** When it came, in milliseconds after its thisUpdate. */
function ageOf(attempt: LoggedAttempt): number {
  return isGood(attempt) ? attempt.at - (attempt.thisUpdate ?? attempt.at) : 0
}

const OLDEST = 4 * DAY_MS
