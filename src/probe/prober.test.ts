import { expect, it } from 'vitest'
import { durationMs, epochMs } from '../der/time.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { checkOf } from './_setup.ts'
import { probe } from './prober.ts'
import { parseTarget } from './target.ts'

const targets = Array.from({ length: 20 }, (_, i) => parseTarget(`s${i}.test`)).filter(
  (target) => target !== undefined,
)

it('probe() checks every server once a round, a few at a time, and the rounds keep their distance', async () => {
  const clock = new SimulatedClock(epochMs(0))
  const ending = new AbortController()
  const begun: number[] = []
  let underWay = 0
  let most = 0
  const check = async () => {
    begun.push(clock.monotonic())
    most = Math.max(most, ++underWay)
    await Promise.resolve()
    underWay--
    return checkOf()
  }
  let rounds = 0
  const random = () => 0.5
  const options = { targets, every: durationMs(60_000), clock, random, check, checked: () => {} }
  const ended = probe({ ...options, roundDone: () => rounds++ }, ending.signal)
  await clock.advance(durationMs(130_000))
  ending.abort()
  await ended
  expect(rounds).toBe(3)
  expect([...new Set(begun)]).toEqual([0, 60_000, 120_000])
  expect(begun).toHaveLength(60)
  expect(most).toBe(8)
})
