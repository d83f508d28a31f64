import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, epochMs, HOUR_MS, plus } from '../../der/time.ts'
import { rules } from '../../ocsp/rules/index.ts'
import { unknownHabits } from '../cadence.ts'
import { attempt, start } from './_log.ts'
import { findPatterns } from './find-patterns.ts'

describe('findPatterns()', () => {
  it('has no finding in any log of good answers', () => {
    const gap = fc.integer({ min: 0, max: 8 * HOUR_MS })
    const log = fc.array(fc.record({ gap, certificate: fc.constantFrom('a', 'b', 'c') }))
    const address = fc.constantFrom('203.0.113.1', '203.0.113.2')
    fc.assert(
      fc.property(log, address, (gaps, remoteAddress) => {
        let at = start
        const attempts = gaps.map(({ gap, certificate }) => {
          at = plus(at, gap)
          return attempt(at, { certificate, remoteAddress, outcome: 'unchanged' })
        })
        expect(findPatterns({ attempts, habits: unknownHabits })).toEqual([])
      }),
    )
  })

  it('never throws, and reports times and numbers that are in the log', () => {
    const names = rules.map(({ name }) => name)
    const outcome = fc.oneof(
      fc.constantFrom('newer', 'unchanged', 'http-404', 'http-429', 'http-503', 'unauthorized'),
      fc.constantFrom('dns', 'timeout', 'tryLater', 'refused', 'status-unknown', ...names),
      fc.string(),
    )
    const time = fc.integer({ min: start, max: start + 20 * DAY_MS }).map(epochMs)
    const duration = fc.integer({ min: -DAY_MS, max: 10 * DAY_MS }).map(durationMs)
    const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
    const made = fc
      .record({
        at: time,
        outcome,
        certificate: fc.constantFrom('a', 'b', 'c'),
        certificateAge: duration,
        remoteAddress: maybe(fc.constantFrom('203.0.113.1', '203.0.113.2')),
        method: fc.constantFrom('GET', 'POST'),
        connection: fc.constantFrom('kept', 'fresh'),
        thisUpdate: maybe(time),
        nextUpdate: maybe(time),
        // Evidence quotes it, and is looked through for wrong numbers below.
        problem: maybe(fc.string().filter((text) => !/\d|NaN|undefined|Infinity/.test(text))),
      })
      .map((options) => attempt(options.at, options))
    const length = fc.integer({ min: 0, max: 10 * DAY_MS }).map(durationMs)
    const habits = fc.record({
      validity: maybe(length),
      renewal: maybe(length),
      lag: length,
      seen: fc.nat(5),
    })
    fc.assert(
      fc.property(fc.array(made, { maxLength: 150 }), habits, (attempts, habits) => {
        const times = attempts.map(({ at }) => at)
        for (const each of findPatterns({ attempts, habits })) {
          expect(times).toContain(each.firstSeen)
          expect(times).toContain(each.lastSeen)
          expect(each.firstSeen).toBeLessThanOrEqual(each.lastSeen)
          expect(each.certificates).toBeGreaterThan(0)
          expect(each.evidence).not.toMatch(/NaN|undefined|Infinity|[ (]-\d/)
        }
      }),
      { numRuns: 300 },
    )
  })
})
