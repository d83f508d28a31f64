import { expect, test } from 'vitest'
import { durationMs } from '../../der/time.ts'
import { actsFor, lifeFor, SHORTEST } from './timetable.ts'

const none = durationMs(0)
const total = ({ well, shaky, away, back }: ReturnType<typeof actsFor>) =>
  well + shaky + away + back

test.each([10_000, 12_000, 20_000, 45_000])('in %d ms all acts have their place', (wanted) => {
  expect(total(actsFor(durationMs(wanted), durationMs(1_000)))).toBeLessThanOrEqual(wanted - 1_000)
})

test('more time than the acts need makes them no longer', () => {
  expect(actsFor(durationMs(600_000), none)).toEqual(actsFor(undefined, none))
})

test('a slow start leaves the acts some seconds', () => {
  expect(total(actsFor(SHORTEST, SHORTEST))).toBe(6_000)
})

test.each([SHORTEST, 20_000, 30_000, undefined])(
  'with %s no staple ends while the CA is away',
  (wanted) => {
    const duration = wanted === undefined ? undefined : durationMs(wanted)
    const { away } = actsFor(duration, none)
    // A staple is a quarter of its life old at most when the CA goes, and the next attempt comes within ten seconds.
    expect(lifeFor(duration) * 0.7).toBeGreaterThan(away + 5_000)
  },
)
