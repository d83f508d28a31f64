import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { DAY_MS, epochMs, HOUR_MS, MINUTE_MS, plus, SECOND_MS } from '../der/time.ts'
import { planRefresh } from './plan.ts'

const now = epochMs(1_800_000_000_000)
const middle = () => 0.5

describe('planRefresh()', () => {
  test.each([
    // age of the staple, usable life left, wait
    ['a fresh staple of four days', 0, 4 * DAY_MS, DAY_MS],
    ['one made before it was fetched', 2 * HOUR_MS, 94 * HOUR_MS, 22 * HOUR_MS],
    ['one past a quarter of its life', 2 * DAY_MS, 2 * DAY_MS, 12 * HOUR_MS],
    ['one near its end', 4 * DAY_MS, 2 * MINUTE_MS, MINUTE_MS],
    ['one past its end', 4 * DAY_MS, -DAY_MS, MINUTE_MS],
    ['one that lives for ten seconds', 0, 10 * SECOND_MS, 2_500],
    ['one without any life', 0, 0, SECOND_MS],
  ])('of %s', (_, age, left, wait) => {
    const staple = { thisUpdate: plus(now, -age), usableUntil: plus(now, left) }
    expect(planRefresh(staple, now, middle).dueAt - now).toBe(wait)
  })

  it('is a second away at least, whole milliseconds, and within the life of a staple that has some left', () => {
    const times = fc.record({
      age: fc.integer({ min: -DAY_MS, max: 400 * DAY_MS }),
      left: fc.integer({ min: -400 * DAY_MS, max: 400 * DAY_MS }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    })
    fc.assert(
      fc.property(times, ({ age, left, random }) => {
        const staple = { thisUpdate: plus(now, -age), usableUntil: plus(now, left) }
        const wait = planRefresh(staple, now, () => random).dueAt - now
        expect(Number.isInteger(wait)).toBe(true)
        expect(wait).toBeGreaterThanOrEqual(SECOND_MS)
        if (left > 2 * MINUTE_MS) expect(wait).toBeLessThan(left)
      }),
    )
  })
})
