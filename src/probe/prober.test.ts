import { expect, it } from 'vitest'
import { durationMs, epochMs } from '../der/time.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { checkOf } from './_setup.ts'
import { probe } from './prober.ts'
import type { ServerCheck } from './server-check.ts'
import { parseTarget } from './target.ts'

const targets = Array.from({ length: 20 }, (_, i) => parseTarget(`s${i}.test`)).filter(
  (target) => target !== undefined,
)
const every = durationMs(60_000)

it.each([
  [0.5, [0, 60_000, 120_000]],
  [0, [0, 54_000, 108_000]],
  [1, [0, 66_000]],
])(
  'probe() checks every server once a round, a few at a time, and the rounds keep their distance: %d',
  async (drawn, times) => {
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
    const options = { targets, every, clock, random: () => drawn, check, checked: () => {} }
    const ended = probe({ ...options, roundDone: () => rounds++ }, ending.signal)
    await clock.advance(durationMs(130_000))
    ending.abort()
    await ended
    expect(rounds).toBe(times.length)
    expect([...new Set(begun)]).toEqual(times)
    expect(begun).toHaveLength(20 * times.length)
    expect(most).toBe(8)
  },
)

it('probe() does not count what was under way when it was aborted', async () => {
  const clock = new SimulatedClock(epochMs(0))
  const ending = new AbortController()
  const checked: ServerCheck[] = []
  const check = async (_: unknown, signal: AbortSignal) => {
    expect(signal.aborted).toBe(false)
    ending.abort()
    return checkOf()
  }
  const told = (done: ServerCheck) => checked.push(done)
  await probe({ targets, every, clock, random: () => 0.5, check, checked: told }, ending.signal)
  expect(checked).toEqual([])
})
