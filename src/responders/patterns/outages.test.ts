import { describe, expect, test } from 'vitest'
import { DAY_MS, HOUR_MS, plus } from '../../der/time.ts'
import { unknownHabits } from '../cadence.ts'
import { series, start } from './_log.ts'
import { findPatterns } from './find-patterns.ts'

const later = { from: plus(start, 10 * HOUR_MS), every: 12 * HOUR_MS }

describe('findPatterns() says that OCSP was shut down', () => {
  test.each([
    [
      'by the log',
      [...series(5), ...series(20, () => ({ outcome: 'dns' }), later)],
      undefined,
      'since 2026-11-01T10:00:00Z, for 9d 12h now, the last 20: name not resolved',
    ],
    [
      'by what is remembered, where so many are asked about that the log goes back for seconds',
      series(20, (i) => ({ certificate: `c${i}`, outcome: 'http-404' }), { every: 1 }),
      plus(start, -8 * DAY_MS),
      'since 2026-10-24T00:00:00Z, for 8d now, the last 20: HTTP 404',
    ],
  ])('%s', (_, attempts, goneSince, since) => {
    expect(findPatterns({ attempts, habits: unknownHabits, goneSince })).toMatchObject([
      {
        pattern: 'ocsp-shut-down',
        evidence: `no answer to any request ${since}`,
        firstSeen: goneSince ?? later.from,
      },
    ])
  })
})
