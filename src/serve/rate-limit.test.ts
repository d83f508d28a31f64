import { beforeEach, describe, expect, it, test } from 'vitest'
import { durationMs, epochMs, HOUR_MS, SECOND_MS } from '../der/time.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { RateLimit } from './rate-limit.ts'

const fromOne = { burst: 10, every: durationMs(6 * SECOND_MS) }
const fromAll = { burst: 100, every: durationMs(SECOND_MS / 10) }

let clock: SimulatedClock
let limit: RateLimit
beforeEach(() => {
  clock = new SimulatedClock(epochMs(0))
  limit = new RateLimit(clock, { fromOne, fromAll })
})

/** How many of `count` requests from these addresses, in turn, are let in. */
function admitted(count: number, ...addresses: string[]): number {
  const asked = Array.from({ length: count }, (_, i) => addresses[i % addresses.length] ?? '')
  return asked.filter((address) => limit.admit(address) === 0).length
}

const many = Array.from({ length: 1_000 }, (_, i) => `192.0.${i >> 8}.${i & 255}`)

describe('admit()', () => {
  it('lets in a burst from one address, then one at a time', async () => {
    expect(admitted(50, '192.0.2.1')).toBe(fromOne.burst)
    expect(limit.admit('192.0.2.1')).toBe(6 * SECOND_MS)
    await clock.advance(fromOne.every)
    expect(admitted(50, '192.0.2.1')).toBe(1)
    await clock.advance(durationMs(HOUR_MS))
    expect(admitted(50, '192.0.2.1')).toBe(fromOne.burst)
  })

  it('lets in a burst from all, then ten a second', async () => {
    expect(admitted(500, ...many)).toBe(fromAll.burst)
    expect(limit.admit('198.51.100.1')).toBe(SECOND_MS / 10)
    await clock.advance(durationMs(SECOND_MS))
    expect(admitted(500, ...many.slice(500))).toBe(10)
  })

  it('lets others in while one sends too much', () => {
    expect(admitted(10_000, '192.0.2.1')).toBe(fromOne.burst)
    expect(admitted(80, ...many)).toBe(80)
  })

  it('may have no limit for all together', () => {
    limit = new RateLimit(clock, { fromOne })
    expect(admitted(1_000, ...many)).toBe(1_000)
    expect(admitted(50, '192.0.2.1')).toBe(fromOne.burst - 1)
  })

  test.each([
    ['the same address', ['192.0.2.1', '192.0.2.1'], 10],
    ['an address mapped into IPv6', ['192.0.2.1', '::ffff:192.0.2.1'], 10],
    ['one IPv6 network', ['2001:db8::1', '2001:db8:0:0:a:b:c:d', '2001:db8::9:0:0'], 10],
    ['two IPv6 networks', ['2001:db8::1', '2001:db8:0:1::1'], 20],
    ['loopback and another', ['::1', '1::'], 20],
    ['two IPv4 addresses', ['192.0.2.1', '192.0.2.2'], 20],
  ])('counts by network: %s', (_name, addresses, expected) => {
    expect(admitted(60, ...addresses)).toBe(expected)
  })
})
