import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { DAY_MS, durationMs, epochMs, HOUR_MS, MINUTE_MS, plus, SECOND_MS } from '../der/time.ts'
import { type Habits, hasGap, isKnown, learn, type Renewal, unknownHabits } from './cadence.ts'

const start = epochMs(1_800_000_000_000)

/** One answer took the place of another that was made `spacing` before; it was got `got` after it was made. */
function renewal(spacing: number, got: number, sameBefore?: number): Renewal {
  const thisUpdate = plus(start, spacing)
  const seenAt = plus(thisUpdate, got)
  return {
    before: { thisUpdate: start },
    after: { thisUpdate, nextUpdate: plus(thisUpdate, 4 * DAY_MS) },
    seenAt,
    sameAt: sameBefore === undefined ? undefined : plus(seenAt, -sameBefore),
  }
}

function learnt(...renewals: readonly Renewal[]): Habits {
  return renewals.reduce(learn, unknownHabits)
}

describe('learn()', () => {
  test.each<[string, readonly Renewal[], Partial<Habits>]>([
    ['the first is believed', [renewal(DAY_MS, 0)], { renewal: durationMs(DAY_MS), seen: 1 }],
    [
      'a little more is followed by a fifth',
      [renewal(100 * HOUR_MS, 0), renewal(110 * HOUR_MS, 0)],
      { renewal: durationMs(102 * HOUR_MS), seen: 2 },
    ],
    [
      'several periods at once tell of one',
      [renewal(DAY_MS, 0), renewal(3 * DAY_MS, 0)],
      { renewal: durationMs(DAY_MS) },
    ],
    [
      'a shorter one may be out of turn: it is followed by a fifth',
      [renewal(100 * HOUR_MS, 0), renewal(50 * HOUR_MS, 0)],
      { renewal: durationMs(90 * HOUR_MS), seen: 2 },
    ],
    [
      'one that is no whole number of periods is believed while little was seen',
      [renewal(10 * HOUR_MS, 0), renewal(24 * HOUR_MS, 0)],
      { renewal: durationMs(24 * HOUR_MS), seen: 1 },
    ],
    [
      'and not when enough was',
      [...Array.from({ length: 3 }, () => renewal(10 * HOUR_MS, 0)), renewal(24 * HOUR_MS, 0)],
      { renewal: durationMs(10 * HOUR_MS), seen: 3 },
    ],
    [
      'unless the former answer was given for so long that there were not several',
      [
        ...Array.from({ length: 3 }, () => renewal(10 * HOUR_MS, 0)),
        renewal(24 * HOUR_MS, 0, HOUR_MS),
      ],
      { renewal: durationMs(24 * HOUR_MS), seen: 1 },
    ],
    ['validity', [renewal(DAY_MS, 0)], { validity: durationMs(4 * DAY_MS) }],
    [
      'the lag is in the middle of the last same and the first new',
      [renewal(DAY_MS, 20 * MINUTE_MS, 10 * MINUTE_MS)],
      { lag: durationMs(15 * MINUTE_MS) },
    ],
    [
      'the lag begins when the new one was made, however long before the former one was given',
      [renewal(DAY_MS, 20 * MINUTE_MS, HOUR_MS)],
      { lag: durationMs(2 * MINUTE_MS) },
    ],
    [
      'the lag is followed by a fifth where a cache gave the former one for hours',
      [renewal(4 * DAY_MS, HOUR_MS, 0), renewal(4 * DAY_MS, 7 * HOUR_MS, 6 * HOUR_MS)],
      { lag: durationMs(1.6 * HOUR_MS) },
    ],
    [
      'a same of long ago tells nothing of the lag',
      [renewal(DAY_MS, 20 * HOUR_MS, 19 * HOUR_MS)],
      { lag: durationMs(0) },
    ],
    [
      'a new one at the first question makes the lag a little less',
      [renewal(DAY_MS, 20 * MINUTE_MS, 0), renewal(DAY_MS, 20 * MINUTE_MS)],
      { lag: durationMs(19 * MINUTE_MS) },
    ],
    [
      'the lag is no more than what it took',
      [renewal(DAY_MS, 20 * MINUTE_MS, 0), renewal(DAY_MS, MINUTE_MS)],
      { lag: durationMs(MINUTE_MS) },
    ],
  ])('%s', (_, renewals, habits) => expect(learnt(...renewals)).toMatchObject(habits))

  it('is known after three renewals', () => {
    const one = renewal(DAY_MS, 0)
    expect([[], [one], [one, one], [one, one, one]].map((all) => isKnown(learnt(...all)))).toEqual([
      false,
      false,
      false,
      true,
    ])
  })

  it('comes to the period of a CA that renews regularly, wherever it begins', () => {
    const period = fc.integer({ min: HOUR_MS, max: 7 * DAY_MS })
    const skipped = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 40, maxLength: 60 })
    fc.assert(
      fc.property(period, skipped, (length, periods) => {
        const regular = Array.from({ length: 40 }, () => 1)
        const seen = [...periods, ...regular].map((count) => renewal(count * length, 0))
        const { renewal: found = 0 } = learnt(...seen)
        expect(Math.abs(found - length)).toBeLessThan(length / 100)
      }),
    )
  })
})

describe('hasGap()', () => {
  test.each([
    ['periods that overlap by half', DAY_MS, DAY_MS / 2, 0, false],
    ['by two minutes', HOUR_MS, HOUR_MS - 2 * MINUTE_MS, 0, false],
    ['not at all', HOUR_MS, HOUR_MS, 0, true],
    ['by two minutes, and published three late', HOUR_MS, 58 * MINUTE_MS, 3 * MINUTE_MS, true],
    ['by a second', HOUR_MS, HOUR_MS - SECOND_MS, 0, true],
    ['by ten minutes of a day', DAY_MS, DAY_MS - 10 * MINUTE_MS, 0, true],
  ])('of %s', (_, validity, renewal, lag, expected) => {
    const habits = {
      validity: durationMs(validity),
      renewal: durationMs(renewal),
      lag: durationMs(lag),
      seen: 3,
    }
    expect(hasGap(habits)).toBe(expected)
  })
  it('is not so while nothing is known', () => expect(hasGap(unknownHabits)).toBe(false))
})
