import { describe, expect, test } from 'vitest'
import {
  DAY_MS,
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  HOUR_MS,
  MINUTE_MS,
  plus,
} from '../der/time.ts'
import { unknownHabits } from '../responders/cadence.ts'
import type { StapleRecord } from '../store/store.ts'
import { afterFailure, type Lapse } from './next-schedule.ts'

const now = epochMs(1_800_000_000_000)
const before = plus(now, -HOUR_MS)

function stapleUntil(nextUpdate: EpochMs): StapleRecord {
  const thisUpdate = plus(nextUpdate, -2 * HOUR_MS)
  const bytes = { der: new Uint8Array(), received: new Uint8Array(), url: '' }
  const times = { producedAt: thisUpdate, fetchedAt: thisUpdate, servedFrom: thisUpdate }
  return { ...bytes, ...times, thisUpdate, nextUpdate, usableUntil: nextUpdate }
}

describe('afterFailure()', () => {
  const lasting = stapleUntil(plus(now, MINUTE_MS))
  test.each<[string, Lapse['trouble'], StapleRecord | undefined, EpochMs]>([
    ['is now where the CA gave the staple in hand again', 'nothing-newer', lasting, now],
    ['stays where it gave none', 'responder', lasting, before],
    // After an outage: that answer is newer than the staple in hand, and teaches nothing of periods.
    ['stays where that is past its nextUpdate', 'nothing-newer', stapleUntil(now), before],
    ['stays where there is none in hand', 'nothing-newer', undefined, before],
  ])('unchangedAt %s', (_, trouble, staple, unchangedAt) => {
    const schedule = {
      ...{ dueAt: now, reason: '', attempts: 0, lastAttemptAt: before, lastError: undefined },
      unchangedAt: before,
    }
    const lapse = {
      problem: 'nothing',
      remedy: 'back-off',
      trouble,
      retryAfter: undefined,
    } as const
    const planning = { habits: unknownHabits, now, random: () => 0.5 }
    const next = afterFailure({ schedule, staple }, lapse, planning)
    expect(next.unchangedAt).toBe(unchangedAt)
  })

  const hourly = { ...unknownHabits, seen: 3, renewal: durationMs(2 * HOUR_MS) }
  test.each<[string, Lapse['remedy'], DurationMs, DurationMs]>([
    ['closely for a period', 'back-off', durationMs(HOUR_MS), durationMs(2 * MINUTE_MS)],
    ['by the back-off then', 'back-off', durationMs(2 * HOUR_MS), durationMs(10 * MINUTE_MS)],
    ['daily in the end', 'fatal', durationMs(4 * DAY_MS), durationMs(DAY_MS)],
  ])('asks across a gap between periods: %s', (_, remedy, since, wait) => {
    const schedule = {
      ...{ dueAt: now, reason: '', attempts: 50, lastAttemptAt: before, lastError: undefined },
    }
    const lapse = { problem: '', remedy, trouble: 'certificate', retryAfter: undefined } as const
    const staple = stapleUntil(plus(now, -Number(since)))
    const planning = { habits: hourly, now, random: () => 1 }
    expect(afterFailure({ schedule, staple }, lapse, planning).dueAt).toBe(plus(now, wait))
  })
})
