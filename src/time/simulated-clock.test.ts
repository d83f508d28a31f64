import { describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, epochMs } from '../der/time.ts'
import { SimulatedClock } from './simulated-clock.ts'

const START = epochMs(1_790_000_000_000)
const never = new AbortController().signal

describe('SimulatedClock', () => {
  it('stands still until told', async () => {
    const clock = new SimulatedClock(START)
    expect([clock.now(), clock.monotonic()]).toEqual([START, 0])
    await clock.advance(durationMs(1_500))
    expect([clock.now(), clock.monotonic()]).toEqual([START + 1_500, 1_500])
  })

  it('wakes sleepers in order of their time, then of their going to sleep, at their own moment', async () => {
    const clock = new SimulatedClock(START)
    const woken: string[] = []
    const sleeper = async (name: string, duration: number) => {
      await clock.sleep(durationMs(duration), never)
      woken.push(`${name} at ${clock.monotonic()}`)
    }
    const all = [sleeper('c', 300), sleeper('a', 100), sleeper('b', 200), sleeper('a2', 100)]
    await clock.advance(durationMs(250))
    expect(woken).toEqual(['a at 100', 'a2 at 100', 'b at 200'])
    expect(clock.sleeping).toBe(1)
    await clock.advance(durationMs(50))
    await Promise.all(all)
    expect(woken.at(-1)).toBe('c at 300')
  })

  it('wakes one who goes to sleep again as often as it falls within one advance', async () => {
    const clock = new SimulatedClock(START)
    const ticks: number[] = []
    const stop = new AbortController()
    const ticking = (async () => {
      while (!stop.signal.aborted) {
        await clock.sleep(durationMs(DAY_MS), stop.signal)
        ticks.push(clock.now())
      }
    })()
    await clock.advance(durationMs(365 * DAY_MS))
    expect(ticks).toHaveLength(365)
    expect(ticks.at(-1)).toBe(START + 365 * DAY_MS)
    stop.abort()
    await ticking
    expect(clock.sleeping).toBe(0)
  })

  it.each([-3_600_000, 3_600_000])(
    'wakes nobody when the wall clock steps by %d ms',
    async (by) => {
      const clock = new SimulatedClock(START)
      let woken = false
      const sleep = clock.sleep(durationMs(1_000), never).then(() => {
        woken = true
      })
      clock.stepWallClock(by)
      await clock.advance(durationMs(999))
      expect([clock.now(), clock.monotonic(), woken]).toEqual([START + by + 999, 999, false])
      await clock.advance(durationMs(1))
      await sleep
      expect(woken).toBe(true)
    },
  )

  it('does not sleep when the signal is aborted already or the duration is nothing', async () => {
    const clock = new SimulatedClock(START)
    await clock.sleep(durationMs(1_000), AbortSignal.abort())
    await clock.sleep(durationMs(0), never)
    await clock.sleep(durationMs(-5), never)
    expect(clock.sleeping).toBe(0)
  })
})
