import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  DAY_MS,
  type DurationMs,
  durationMs,
  epochMs,
  HOUR_MS,
  MINUTE_MS,
  plus,
  SECOND_MS,
} from '../der/time.ts'
import { type Habits, hasGap, unknownHabits } from '../responders/cadence.ts'
import { planRefresh } from './plan.ts'

const now = epochMs(1_800_000_000_000)
const middle = () => 0.5

function known(validity: number, renewal: number, lag = 0): Habits {
  return { ...lengths(validity, renewal, lag), seen: 3 }
}

function lengths(...[validity, renewal, lag]: readonly [number, number, number]) {
  return { validity: durationMs(validity), renewal: durationMs(renewal), lag: durationMs(lag) }
}

interface So {
  readonly age: number
  readonly left: number
  readonly habits?: Habits
  /** From now on. */
  readonly freshFor?: number
}

function planned({ age, left, habits = unknownHabits, freshFor }: So, random = middle) {
  const usableUntil = plus(now, left)
  const staple = { thisUpdate: plus(now, -age), nextUpdate: usableUntil, usableUntil }
  const freshUntil = freshFor === undefined ? undefined : plus(now, freshFor)
  const { dueAt, reason } = planRefresh({ staple, habits, freshUntil }, now, random)
  return { wait: durationMs(dueAt - now), reason }
}

describe('planRefresh() before the habits of the CA are known', () => {
  test.each([
    ['a fresh staple of four days', 0, 4 * DAY_MS, DAY_MS],
    ['one made before it was fetched', 2 * HOUR_MS, 94 * HOUR_MS, 22 * HOUR_MS],
    ['one past a quarter of its life', 2 * DAY_MS, 2 * DAY_MS, 12 * HOUR_MS],
    ['one near its end', 4 * DAY_MS, 2 * MINUTE_MS, MINUTE_MS],
    ['one past its end', 4 * DAY_MS, -DAY_MS, MINUTE_MS],
    ['one that lives for ten seconds', 0, 10 * SECOND_MS, 2_500],
    ['one without any life', 0, 0, SECOND_MS],
  ])('of %s', (_, age, left, wait) => expect(planned({ age, left }).wait).toBe(wait))

  it('is by life as long as fewer than three renewals were seen', () => {
    const habits = { ...known(4 * DAY_MS, 2 * DAY_MS), seen: 2 }
    expect(planned({ age: 0, left: 4 * DAY_MS, habits }).wait).toBe(DAY_MS)
  })
})

describe('planRefresh() of a certificate that ends before its staple would', () => {
  const weekly = known(7 * DAY_MS, 3.5 * DAY_MS)
  const spread = (3.5 * DAY_MS) / 512
  const staple = (age: number, left: number, certificateLeft: number) => ({
    thisUpdate: plus(now, -age),
    nextUpdate: plus(now, left),
    usableUntil: plus(now, certificateLeft - 5 * MINUTE_MS),
  })

  test.each([
    ['a new one', unknownHabits, staple(0, 7 * DAY_MS, 2 * DAY_MS), 1.75 * DAY_MS],
    ['once before the end', unknownHabits, staple(3 * DAY_MS, 4 * DAY_MS, HOUR_MS), 54 * MINUTE_MS],
    ['not again after that', unknownHabits, staple(3 * DAY_MS, 4 * DAY_MS, 6 * MINUTE_MS), DAY_MS],
    ['nor when it is over', unknownHabits, staple(3 * DAY_MS, 4 * DAY_MS, MINUTE_MS), DAY_MS],
    ['renewed first', weekly, staple(3 * DAY_MS, 4 * DAY_MS, DAY_MS), 12 * HOUR_MS + spread],
    ['renewed after it', weekly, staple(DAY_MS, 6 * DAY_MS, DAY_MS), DAY_MS - 6 * MINUTE_MS],
  ])('is not hurried: %s', (_, habits, times, wait) => {
    const notAfter = plus(times.usableUntil, 5 * MINUTE_MS)
    const answered = { staple: times, habits, freshUntil: undefined, notAfter }
    expect(planRefresh(answered, now, middle).dueAt - now).toBe(wait)
  })
})

describe('planRefresh() when they are', () => {
  const halfWeekly = known(7 * DAY_MS, 3.5 * DAY_MS, HOUR_MS)
  const hourly = known(HOUR_MS, HOUR_MS, 5 * SECOND_MS)
  const spread = (3.5 * DAY_MS) / 512
  const hour = { age: 0, left: HOUR_MS, habits: hourly }

  test.each<[string, So, number, string]>([
    [
      'a new staple: when the next is expected, spread a little',
      { age: 0, left: 7 * DAY_MS, habits: halfWeekly },
      3.5 * DAY_MS + HOUR_MS + spread,
      'the CA is expected to have a newer one',
    ],
    [
      'the next is a little late: a part of a renewal',
      { age: 3.55 * DAY_MS, left: 3.45 * DAY_MS, habits: halfWeekly },
      (3.5 * DAY_MS) / 256,
      'the CA is late with its next one',
    ],
    [
      'it is eleven hours late: half of that',
      { age: 4 * DAY_MS, left: 3 * DAY_MS, habits: halfWeekly },
      5.5 * HOUR_MS,
      'the CA is late with its next one',
    ],
    [
      'it is late, and little is left: a quarter of that',
      { age: 6.5 * DAY_MS, left: 4 * HOUR_MS, habits: halfWeekly },
      HOUR_MS,
      'the CA is late with its next one',
    ],
    [
      'a CA that renews at its very end: a quarter of life is left for asking',
      { age: 0, left: 4 * DAY_MS, habits: known(4 * DAY_MS, 3.8 * DAY_MS) },
      3 * DAY_MS,
      'a quarter of usable life is left',
    ],
    [
      'in that quarter: half of what is left',
      { age: 3 * DAY_MS, left: DAY_MS, habits: known(4 * DAY_MS, 3.9 * DAY_MS) },
      12 * HOUR_MS,
      'a quarter of usable life is left',
    ],
    [
      'a CA that signs anew for everybody: not more than 24 times in a life',
      { age: 0, left: DAY_MS, habits: known(DAY_MS, MINUTE_MS) },
      HOUR_MS,
      'the CA is expected to have a newer one',
    ],
    [
      'periods without overlap: once before, as this certificate may be another case',
      hour,
      45 * MINUTE_MS,
      'a quarter of usable life is left',
    ],
    [
      'then at an eighth',
      { ...hour, age: 45 * MINUTE_MS, left: 15 * MINUTE_MS },
      7.5 * MINUTE_MS,
      'a quarter of usable life is left',
    ],
    [
      'then shortly before its end',
      { ...hour, age: 54 * MINUTE_MS, left: 6 * MINUTE_MS },
      6 * MINUTE_MS - HOUR_MS / 64,
      'a quarter of usable life is left',
    ],
    [
      'then to the second',
      { ...hour, age: HOUR_MS, left: 0 },
      2.5 * SECOND_MS,
      'the next one is expected, and periods hardly overlap',
    ],
    [
      'the next of these a second late: a second later',
      { ...hour, age: HOUR_MS + 4.5 * SECOND_MS, left: -4.5 * SECOND_MS },
      SECOND_MS,
      'periods hardly overlap: asking closely',
    ],
    [
      'a renewal of days, learnt from an outage: from the end of the staple on all the same',
      { ...hour, age: HOUR_MS, left: 0, habits: known(HOUR_MS, 82 * HOUR_MS, 5 * SECOND_MS) },
      2.5 * SECOND_MS,
      'the next one is expected, and periods hardly overlap',
    ],
    [
      'an hour late: once a minute',
      { ...hour, age: 2 * HOUR_MS, left: -HOUR_MS },
      MINUTE_MS,
      'periods hardly overlap: asking closely',
    ],
  ])('%s', (_, so, wait, reason) => expect(planned(so)).toEqual({ wait, reason }))

  it('is not curious after three quarters of life, however late the CA is expected to be', () => {
    const so = {
      age: 0,
      left: DAY_MS,
      habits: { ...known(DAY_MS, 2 * DAY_MS), validity: undefined },
    }
    expect(planned(so, () => 0)).toEqual({
      wait: 18 * HOUR_MS,
      reason: 'a quarter of usable life is left',
    })
  })
})

describe('planRefresh() with a cache that says how long it gives the same', () => {
  const life = { age: 0, left: 8 * DAY_MS }
  test.each<[string, So, number]>([
    ['asks after that', { ...life, freshFor: 3 * DAY_MS }, 3 * DAY_MS],
    ['does not heed it for more than half of life', { ...life, freshFor: 8 * DAY_MS }, 4 * DAY_MS],
    ['does not ask sooner for it', { ...life, freshFor: MINUTE_MS }, 2 * DAY_MS],
    [
      'does not heed it past half of life',
      { age: 6 * DAY_MS, left: 2 * DAY_MS, freshFor: 2 * DAY_MS },
      12 * HOUR_MS,
    ],
    [
      'heeds it past half of life where it ends soon after the plan',
      { age: 6 * DAY_MS, left: 2 * DAY_MS, freshFor: 16.5 * HOUR_MS },
      16.5 * HOUR_MS,
    ],
    [
      'and not where it ends later than an eighth of what is left then',
      { age: 6 * DAY_MS, left: 2 * DAY_MS, freshFor: 16.5 * HOUR_MS + 1 },
      12 * HOUR_MS,
    ],
  ])('%s', (_, so, wait) => expect(planned(so).wait).toBe(wait))

  const habits = known(8 * DAY_MS, 4 * DAY_MS, HOUR_MS)
  test.each<[string, So, number]>([
    [
      'asks when it ends, soon after the next is expected',
      { ...life, habits, freshFor: 4 * DAY_MS + 3 * HOUR_MS },
      4 * DAY_MS + 3 * HOUR_MS,
    ],
    [
      'does not wait for one that keeps it for as long as it lasts',
      { ...life, habits, freshFor: 8 * DAY_MS },
      4 * DAY_MS + HOUR_MS + (4 * DAY_MS) / 512,
    ],
  ])('%s', (_, so, wait) => expect(planned(so).wait).toBe(wait))
})

describe('every plan', () => {
  const length = fc.integer({ min: 0, max: 30 * DAY_MS }).map(durationMs)
  const habits = fc.record<Habits>({
    validity: fc.option<DurationMs, undefined>(length, { nil: undefined }),
    renewal: fc.option<DurationMs, undefined>(length, { nil: undefined }),
    lag: length,
    seen: fc.integer({ min: 0, max: 3 }),
  })
  const so = fc.record({
    age: fc.integer({ min: -DAY_MS, max: 400 * DAY_MS }),
    left: fc.integer({ min: -400 * DAY_MS, max: 400 * DAY_MS }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    habits,
  })

  it('is in the future, in whole milliseconds', () => {
    fc.assert(
      fc.property(so, ({ random, ...rest }) => {
        const { wait } = planned(rest, () => random)
        expect(Number.isInteger(wait)).toBe(true)
        expect(wait).toBeGreaterThan(0)
      }),
    )
  })

  it('is within the life of a staple that has some left, unless the periods of the CA do not overlap', () => {
    fc.assert(
      fc.property(so, ({ random, ...rest }) => {
        fc.pre(rest.left > 2 * MINUTE_MS && rest.age >= 0)
        fc.pre(!hasGap(rest.habits))
        expect(planned(rest, () => random).wait).toBeLessThan(rest.left)
      }),
    )
  })
})
