import { describe, expect, it } from 'vitest'
import { durationMs } from '../der/time.ts'
import { jitter } from './jitter.ts'

describe('jitter()', () => {
  it.each([
    [0, 900],
    [0.5, 1_000],
    [0.75, 1_050],
    [0.999_999_999, 1_100],
  ])('spreads ±10 %% evenly: %d gives %d', (random, expected) => {
    expect(jitter(durationMs(1_000), 0.1, () => random)).toBeCloseTo(expected, 3)
  })

  it('changes nothing with a share of 0', () => {
    expect(jitter(durationMs(1_000), 0, () => 0.9)).toBe(1_000)
  })
})
