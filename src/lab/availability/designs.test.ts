import { describe, expect, it, test } from 'vitest'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../der/time.ts'
import { seededRandom } from '../seeded-random.ts'
import { simulateAhead } from './ahead.ts'
import { Answers } from './answers.ts'
import { simulateLazy } from './lazy.ts'
import { oracleGap } from './oracle.ts'
import type { SimulatedResponder } from './responders.ts'
import type { Tenures } from './tenures.ts'
import { harmonic } from './workload.ts'

const well: SimulatedResponder = {
  name: 'well',
  share: 1,
  validity: 4 * DAY_MS,
  renewEvery: 2 * DAY_MS,
  lag: 0,
  maxAge: 0,
  latency: 50,
  failing: 0,
  outages: [],
  storms: [],
  slowToKnow: 0,
  isHealthy: true,
}
const apart = { ...well, validity: HOUR_MS, renewEvery: HOUR_MS }

/** As many certificates as have an answer made at these times, the k-th of which gets 1/k of the first one's connections. */
function tenuresOf(origins: readonly number[], days: number): Tenures {
  const count = origins.length
  return {
    count,
    from: new Float64Array(count),
    to: new Float64Array(count).fill(days * DAY_MS),
    weight: Float64Array.from(origins, (_, k) => 1 / (k + 1) / harmonic(count)),
    origin: Float64Array.from(origins),
    first: new Int32Array(count).fill(-1_000),
  }
}

function worldOf(responder: SimulatedResponder, origins: readonly number[], days: number) {
  const tenures = tenuresOf(origins, days)
  return { responder, tenures, answers: new Answers(responder, tenures), length: days * DAY_MS }
}

describe('oracleGap()', () => {
  const from = (day: number, days: number) => ({ from: day * DAY_MS, to: (day + days) * DAY_MS })
  const MARGIN = 5 * MINUTE_MS
  test.each([
    ['all is well', well, 0],
    ['an outage is shorter than what is left', { ...well, outages: [from(5, 2.5)] }, 0],
    ['an outage is longer', { ...well, outages: [from(5.5, 3)] }, DAY_MS / 2 + MARGIN],
    ['an outage has no end', { ...well, outages: [from(19.5, 20)] }, 8 * DAY_MS + MARGIN],
    [
      'tryLater is for all',
      { ...well, storms: [{ ...from(5.5, 3), share: 1 }] },
      DAY_MS / 2 + MARGIN,
    ],
    // One hundredth of each hour is the safety margin.
    ['periods do not overlap', apart, 30 * 24 * 36_000],
  ] as const)('where %s', (_, responder, gap) => {
    expect(oracleGap(0, 0, worldOf(responder, [0], 30))).toBe(gap)
  })
})

describe('simulateAhead()', () => {
  const random = () => seededRandom('designs')
  const origins = Array.from({ length: 100 }, (_, k) => -k * 1_000_000)

  it('has a staple soon and always, where all is well', () => {
    const { firstAt, gap, requests } = simulateAhead({
      ...worldOf(well, origins, 30),
      random: random(),
    })
    expect(Math.max(...firstAt)).toBeLessThan(2_000)
    expect(Math.max(...gap)).toBe(0)
    expect(requests).toBeLessThan(100 * 15 * 4)
  })

  it('is a few seconds behind the oracle where periods do not overlap', () => {
    const world = worldOf({ ...apart, lag: 5_000 }, origins, 10)
    const { gap } = simulateAhead({ ...world, random: random() })
    const ours = gap.reduce((sum, each) => sum + each, 0)
    const best = origins.reduce((sum, _, row) => sum + oracleGap(row, 0, world), 0)
    expect((ours - best) / (origins.length * 10 * 24)).toBeLessThan(5_000)
  })
})

describe('simulateLazy()', () => {
  test.each([1e5, 1e6, 1e7])('is near the closed form with %d connections a day', (perDay) => {
    const always = { ...well, renewEvery: 10_000, latency: 0 }
    const world = worldOf(
      always,
      Array.from({ length: 2_000 }, () => 0),
      400,
    )
    const since = new Float64Array(2_000)
    const workload = { connectionsPerDay: perDay, regions: 100 }
    const missed = simulateLazy({ ...world, since, workload, random: seededRandom('lazy') })
    // Whoever comes when none is there goes without: 1 of 1 + λV connections to a certificate, summed over Zipf's law.
    const h = harmonic(2_000)
    const a = (perDay * (world.answers.usableLife / DAY_MS)) / (100 * h)
    const expected = Math.log(1 + 2_000 / a) / h
    expect(missed / world.length / expected).toBeCloseTo(1, 1)
  })
})
