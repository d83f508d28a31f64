import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { DAY_MS, durationMs, epochMs, HOUR_MS, MINUTE_MS, plus, SECOND_MS } from '../der/time.ts'
import type { Remedy } from '../ocsp/verdict.ts'
import { planRetry } from './retry.ts'

const now = epochMs(1_800_000_000_000)

function waitAfter(
  attempts: number,
  {
    remedy = 'back-off',
    retryAfter,
    left,
    random = 1,
  }: { remedy?: Remedy; retryAfter?: number; left?: number; random?: number } = {},
): number {
  const asked = retryAfter === undefined ? undefined : durationMs(retryAfter)
  const deadline = left === undefined ? undefined : plus(now, left)
  const failed = { attempts, remedy, retryAfter: asked, deadline }
  return planRetry(failed, now, () => random).dueAt - now
}

describe('planRetry()', () => {
  test.each([
    ['the first failure', 1, {}, 10 * SECOND_MS],
    ['the first failure, the shortest draw', 1, { random: 0 }, 5 * SECOND_MS],
    ['the third', 3, {}, 40 * SECOND_MS],
    ['many', 1_000, {}, HOUR_MS],
    ['many that asking does not cure', 1_000, { remedy: 'fatal' }, DAY_MS],
    ['a Retry-After', 1, { retryAfter: 5 * MINUTE_MS }, 5 * MINUTE_MS],
    ['a Retry-After of a year', 1, { retryAfter: 365 * DAY_MS }, HOUR_MS],
    [
      'a Retry-After of a day, six hours left',
      1,
      { retryAfter: DAY_MS, left: 6 * HOUR_MS },
      HOUR_MS,
    ],
    ['many, an hour left', 50, { left: HOUR_MS }, 10 * MINUTE_MS],
    ['many, a second left', 50, { left: SECOND_MS }, 5 * SECOND_MS],
    ['many, the staple has ended', 50, { left: -DAY_MS }, 10 * MINUTE_MS],
    [
      'many that asking does not cure, an hour left',
      50,
      { remedy: 'fatal', left: HOUR_MS },
      10 * MINUTE_MS,
    ],
  ] as const)('after %s', (_, attempts, circumstances, wait) => {
    expect(waitAfter(attempts, circumstances)).toBe(wait)
  })

  test.each([
    [undefined, 'back-off', 'attempt 51, 1h after the last failed'],
    [
      undefined,
      'fatal',
      'attempt 51, 14h 14m after the last failed: asking is not likely to cure this',
    ],
    [
      HOUR_MS,
      'back-off',
      'attempt 51, 10m after the last failed: sooner, as the staple in hand ends soon',
    ],
    [
      -1,
      'back-off',
      'attempt 51, 10m after the last failed: sooner, as the staple in hand has ended',
    ],
  ] as const)('says why, with %s ms left and the remedy %s', (left, remedy, reason) => {
    const deadline = left === undefined ? undefined : plus(now, left)
    const random = () => (remedy === 'fatal' ? 0.1866 : 1)
    const failed = { attempts: 50, remedy, retryAfter: undefined, deadline }
    expect(planRetry(failed, now, random).reason).toBe(reason)
  })

  const draws = {
    attempts: fc.integer({ min: 1, max: 100 }),
    remedy: fc.constantFrom<Remedy>('back-off', 'fatal', 'other-connection'),
    retryAfter: fc.option(fc.integer({ min: 0, max: 30 * DAY_MS }), { nil: 0 }),
    left: fc.integer({ min: 1, max: 30 * DAY_MS }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  }

  it('waits five seconds at least, a day at most, in whole milliseconds', () => {
    fc.assert(
      fc.property(fc.record(draws), ({ attempts, ...circumstances }) => {
        const wait = waitAfter(attempts, circumstances)
        expect(Number.isInteger(wait)).toBe(true)
        expect(wait).toBeGreaterThanOrEqual(5 * SECOND_MS)
        expect(wait).toBeLessThanOrEqual(DAY_MS)
      }),
    )
  })

  it('waits no less after more failures, and no less with more time left', () => {
    fc.assert(
      fc.property(fc.record(draws), ({ attempts, ...circumstances }) => {
        const wait = waitAfter(attempts, circumstances)
        expect(waitAfter(attempts + 1, circumstances)).toBeGreaterThanOrEqual(wait)
        const more = { ...circumstances, left: circumstances.left * 2 }
        expect(waitAfter(attempts, more)).toBeGreaterThanOrEqual(wait)
      }),
    )
  })

  it('leaves room for several attempts before the staple ends', () => {
    fc.assert(
      fc.property(fc.record(draws), ({ attempts, ...circumstances }) => {
        fc.pre(circumstances.left >= MINUTE_MS)
        const wait = waitAfter(attempts, circumstances)
        expect(wait).toBeLessThanOrEqual(Math.ceil(circumstances.left / 6))
      }),
    )
  })
})
