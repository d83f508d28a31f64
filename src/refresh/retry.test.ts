import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { DAY_MS, durationMs, epochMs, HOUR_MS, MINUTE_MS, plus, SECOND_MS } from '../der/time.ts'
import type { Remedy } from '../ocsp/verdict.ts'
import { planRetry, type Trouble } from './retry.ts'

const now = epochMs(1_800_000_000_000)

function waitAfter(
  attempts: number,
  {
    remedy = 'back-off',
    trouble = 'certificate',
    retryAfter,
    left,
    random = 1,
  }: {
    remedy?: Remedy
    trouble?: Trouble
    retryAfter?: number
    left?: number
    random?: number
  } = {},
): number {
  const asked = retryAfter === undefined ? undefined : durationMs(retryAfter)
  const deadline = left === undefined ? undefined : plus(now, left)
  const failed = { attempts, remedy, trouble, retryAfter: asked, deadline }
  return planRetry(failed, now, () => random).dueAt - now
}

describe('planRetry()', () => {
  test.each([
    ['the first failure', 1, {}, 20 * SECOND_MS],
    ['the first failure, the shortest draw', 1, { random: 0 }, 2 * SECOND_MS],
    ['the third', 3, {}, 80 * SECOND_MS],
    ['many', 1_000, {}, HOUR_MS],
    ['many that asking does not cure', 1_000, { remedy: 'fatal' }, DAY_MS],
    ['a Retry-After', 1, { retryAfter: 5 * MINUTE_MS }, 5 * MINUTE_MS],
    ['a Retry-After of a year', 1, { retryAfter: 365 * DAY_MS }, HOUR_MS],
    [
      'a Retry-After of a day, three hours left',
      1,
      { retryAfter: DAY_MS, left: 3 * HOUR_MS },
      HOUR_MS,
    ],
    ['many, an hour left', 50, { left: HOUR_MS }, 20 * MINUTE_MS],
    ['many, a second left', 50, { left: SECOND_MS }, MINUTE_MS],
    [
      'many of one that is away, an hour left',
      50,
      { trouble: 'responder', left: HOUR_MS },
      10 * MINUTE_MS,
    ],
    ['the same, a second left', 50, { trouble: 'responder', left: SECOND_MS }, 2 * SECOND_MS],
    ['many, the staple has ended', 50, { left: -DAY_MS }, 10 * MINUTE_MS],
    [
      'many that asking does not cure, an hour left',
      50,
      { remedy: 'fatal', left: HOUR_MS },
      20 * MINUTE_MS,
    ],
    ['the same, ended an hour ago', 50, { remedy: 'fatal', left: -HOUR_MS }, 15 * MINUTE_MS],
    ['the same, ended a week ago', 50, { remedy: 'fatal', left: -7 * DAY_MS }, DAY_MS],
    ['many, and the CA may not know it yet', 50, { trouble: 'too-new' }, 15 * MINUTE_MS],
    ['many of a responder that is away', 50, { trouble: 'responder', left: DAY_MS }, HOUR_MS],
    ['many of one that is away, and no staple', 50, { trouble: 'responder' }, MINUTE_MS],
    ['the same, ended', 50, { trouble: 'responder', left: -1 }, MINUTE_MS],
    ['many of one that is busy, and no staple', 50, { trouble: 'busy' }, 5 * MINUTE_MS],
  ] as const)('after %s', (_, attempts, circumstances, wait) => {
    expect(waitAfter(attempts, circumstances)).toBe(wait)
  })

  test.each([
    [undefined, 'back-off', 'attempt 51, 15m after the last failed'],
    [undefined, 'fatal', 'attempt 51, 6h after the last failed: asking is not likely to cure this'],
    [
      30 * MINUTE_MS,
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
    const failed = {
      ...{ attempts: 50, remedy, deadline },
      trouble: 'certificate',
      retryAfter: undefined,
    } as const
    expect(planRetry(failed, now, () => 0.25).reason).toBe(reason)
  })

  const draws = {
    attempts: fc.integer({ min: 1, max: 100 }),
    remedy: fc.constantFrom<Remedy>('back-off', 'fatal', 'other-connection'),
    trouble: fc.constantFrom<Trouble>(
      'responder',
      'busy',
      'certificate',
      'nothing-newer',
      'too-new',
    ),
    retryAfter: fc.option(fc.integer({ min: 0, max: 30 * DAY_MS }), { nil: 0 }),
    left: fc.integer({ min: 1, max: 30 * DAY_MS }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  }

  it('waits two seconds at least, a day at most, in whole milliseconds', () => {
    fc.assert(
      fc.property(fc.record(draws), ({ attempts, ...circumstances }) => {
        const wait = waitAfter(attempts, circumstances)
        expect(Number.isInteger(wait)).toBe(true)
        expect(wait).toBeGreaterThanOrEqual(2 * SECOND_MS)
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
        fc.pre(circumstances.left >= 3 * MINUTE_MS)
        const wait = waitAfter(attempts, circumstances)
        expect(wait).toBeLessThanOrEqual(Math.ceil(circumstances.left / 3))
      }),
    )
  })
})
