import { afterEach, describe, expect, it, vi } from 'vitest'
import { DAY_MS, durationMs } from '../der/time.ts'
import { systemClock } from './clock.ts'

describe('systemClock.sleep()', () => {
  afterEach(() => vi.restoreAllMocks())

  it('resolves after a short duration, as the monotonic clock counts', async () => {
    const start = systemClock.monotonic()
    await systemClock.sleep(durationMs(5), new AbortController().signal)
    expect(systemClock.monotonic() - start).toBeGreaterThanOrEqual(5)
  })

  // Node.js turns a timer of more than 2^31-1 ms into one of 1 ms, and warns.
  it('sleeps on where the duration is longer than a timer can be', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
    const stop = new AbortController()
    let woken = false
    const sleep = systemClock.sleep(durationMs(40 * DAY_MS), stop.signal).then(() => {
      woken = true
    })
    await systemClock.sleep(durationMs(20), new AbortController().signal)
    expect([woken, warned.mock.calls]).toEqual([false, []])
    stop.abort()
    await sleep
  })

  it('resolves, not rejects, when it is aborted before or meanwhile', async () => {
    await systemClock.sleep(durationMs(DAY_MS), AbortSignal.abort())
    const stop = new AbortController()
    const sleep = systemClock.sleep(durationMs(DAY_MS), stop.signal)
    stop.abort()
    await sleep
  })

  it('does not wait for a duration of nothing or less', async () => {
    await systemClock.sleep(durationMs(0), new AbortController().signal)
    await systemClock.sleep(durationMs(-1), new AbortController().signal)
  })
})
