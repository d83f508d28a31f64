import { describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, HOUR_MS, MINUTE_MS } from '../der/time.ts'
import { formatDuration, parseDuration } from './duration.ts'

describe('parseDuration()', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['5m', 5 * MINUTE_MS],
    ['12h', 12 * HOUR_MS],
    ['3d', 3 * DAY_MS],
    ['1h30m', 90 * MINUTE_MS],
    ['1d 12h', 36 * HOUR_MS],
    ['1.5h', 90 * MINUTE_MS],
    ['0s', 0],
    [' 90s ', 90_000],
  ])('reads %j', (text, expected) => {
    expect(parseDuration(text)).toBe(expected)
  })

  it.each([
    '',
    ' ',
    '90',
    's',
    '-5s',
    '5 s',
    '5S',
    '1m1h',
    '5s5s',
    '1e3s',
    '5sec',
    '.5s',
    'Infinityd',
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('formatDuration()', () => {
  it.each([
    [0, '0ms'],
    [250, '250ms'],
    [999.6, '1s'],
    [1_500, '1.5s'],
    [4_000, '4s'],
    [90_000, '1m 30s'],
    [59_999.9, '1m'],
    [6 * DAY_MS + 4 * HOUR_MS + 59 * MINUTE_MS, '6d 4h'],
    [DAY_MS + 59 * MINUTE_MS, '1d'],
    [7 * DAY_MS, '7d'],
    [-90_000, '-1m 30s'],
    [Number.POSITIVE_INFINITY, 'forever'],
  ])('writes %d ms as %j', (duration, expected) => {
    expect(formatDuration(durationMs(duration))).toBe(expected)
  })
})
