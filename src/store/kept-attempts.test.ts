import { describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, HOUR_MS, plus } from '../der/time.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'
import { unknownHabits } from '../responders/cadence.ts'
import { findPatterns } from '../responders/patterns/find-patterns.ts'
import { attempt, NOW } from './_records.ts'
import { keptAttempts, NEWEST_KEPT, OLD_KEPT, type OldAttempt } from './kept-attempts.ts'

const newest = many(NEWEST_KEPT, () => ({ certificate: 'z' }))

describe('keptAttempts()', () => {
  it('keeps all where there are few, and the newest in any case', () => {
    expect(keptAttempts([])).toEqual([])
    expect(keptAttempts(newest)).toEqual(newest)
    const odd = many(3, () => ({ certificate: 'zz', at: plus(NOW, -400 * DAY_MS) }))
    expect(keptAttempts([...odd, ...newest])).toEqual(newest)
  })

  it.each<[string, readonly string[], readonly string[]]>([
    ['all that change', ['a good', 'a busy', 'a good'], ['a good', 'a busy', 'a good']],
    ['the first and the last that say the same', ['a 1', 'a 1', 'a 1', 'a 1'], ['a 1', 'a 1']],
    [
      'each certificate for itself',
      ['a 1', 'b 2', 'a 1', 'b 2', 'a 1', 'b 3'],
      ['a 1', 'b 2', 'b 2', 'a 1', 'b 3'],
    ],
    [
      'four certificates, whichever was asked about first',
      ['f 1', 'e 1', 'd 1', 'c 1', 'b 1', 'a 1'],
      ['d 1', 'c 1', 'b 1', 'a 1'],
    ],
  ])('keeps of older ones %s', (_, old, kept) => {
    expect(oldOnes(keptAttempts([...old.map(read), ...newest]))).toEqual(kept)
  })

  it.each([
    [29, ['a 1']],
    [31, []],
    [-31, []],
  ])('keeps one of %i days ago: %j', (days, kept) => {
    const old = { ...read('a 1'), at: plus(NOW, -days * DAY_MS) }
    expect(oldOnes(keptAttempts([old, ...newest]))).toEqual(kept)
  })

  it('is bounded, whatever happens', () => {
    const restless = many(3 * OLD_KEPT, (i) => ({ certificate: `${i % 9}`, outcome: `${i}` }))
    expect(keptAttempts([...restless, ...newest])).toHaveLength(OLD_KEPT + NEWEST_KEPT)
  })

  it('keeps the same when it is asked now and then as when it is asked once', () => {
    const all = many(4 * NEWEST_KEPT, (i) => ({
      certificate: `c${(i * 7919) % 60}`,
      outcome: i % 1_300 < 700 ? 'tryLater' : 'newer',
      at: plus(NOW, i * HOUR_MS * 0.1),
    }))
    let kept: readonly OldAttempt[] = []
    for (let i = 0; i < all.length; i += 50) kept = keptAttempts([...kept, ...all.slice(i, i + 50)])
    expect(kept).toEqual(keptAttempts(all))
  })
})

describe('of a CA with 20,000 certificates, each asked about every hour', () => {
  const hours = 8 * 24
  const about = { ...attempt(0), certificateAge: durationMs(90 * DAY_MS), statusCode: 404 }
  const log = (outcome: string) => {
    let kept: readonly LoggedAttempt[] = []
    for (let hour = -1; hour < hours; hour++) {
      // Of the first hours a part is enough: those that are followed, and others.
      const asked = many(hour < hours - 1 ? 200 : 20_000, (i) => ({
        certificate: `c${String(i).padStart(5, '0')}`,
        at: plus(NOW, hour * HOUR_MS + i),
        outcome: hour < 0 ? 'newer' : outcome,
      }))
      kept = keptAttempts([...kept, ...asked.map((each) => ({ ...about, ...each }))])
    }
    return kept
  }

  it.each([
    ['tryLater', 'try-later-storm', / for 7d 23h without a good answer between$/],
    [
      'http-404',
      'ocsp-shut-down',
      / since 2027-01-15T08:00:00Z, for 7d 23h now, the last 1\d{3}: HTTP 404$/,
    ],
    ['unauthorized', 'unauthorized-for-all', / since 2027-01-15T08:00:00Z, for 7d 23h: /],
  ])('%s for eight days shows: %s', (outcome, pattern, evidence) => {
    const attempts = log(outcome)
    const [finding] = findPatterns({ attempts, habits: unknownHabits })
    expect(finding).toMatchObject({ pattern, evidence: expect.stringMatching(evidence) })
    expect(finding?.firstSeen).toBe(NOW)
    expect(finding?.certificates).toBeGreaterThan(NEWEST_KEPT)
  })
})

function many(count: number, describe: (i: number) => Partial<OldAttempt>): OldAttempt[] {
  return Array.from({ length: count }, (_, i) => {
    return { certificate: 'a', outcome: 'newer', at: NOW, ...describe(i) }
  })
}

/** `a busy`: the certificate, and what came of it. */
function read(words: string): OldAttempt {
  const [certificate = '', outcome = ''] = words.split(' ')
  return { certificate, outcome, at: NOW }
}

function oldOnes(kept: readonly OldAttempt[]): readonly string[] {
  return kept.slice(0, -NEWEST_KEPT).map(({ certificate, outcome }) => `${certificate} ${outcome}`)
}
