import { describe, expect, it, test } from 'vitest'
import { fileKeys } from '../../config/schema.ts'
import { DAY_MS } from '../../der/time.ts'
import { healthLimits } from './ahead.ts'
import { figuresOf } from './figures.ts'
import { scenarios } from './scenarios.ts'
import { simulate } from './simulate.ts'

const small = {
  certificates: 2_000,
  length: 10 * DAY_MS,
  regions: 100,
  seed: 1,
  connectionsPerDay: 1e7,
}
const progress: number[] = []
const tallies = await simulate({
  workload: small,
  chosen: scenarios,
  workers: 2,
  progress: (done) => progress.push(done),
})

describe('simulate()', () => {
  test.each(scenarios.map(({ name }, at) => [name, tallies[at]] as const))(
    'of %s: nobody is better than the oracle, and the old design is worse than this one',
    (_, tally) => {
      const { stapled, moreUnstapledThanOracle } = figuresOf(tally ?? fail())
      expect(moreUnstapledThanOracle).toBeGreaterThanOrEqual(0)
      expect(stapled.everstaple).toBeLessThanOrEqual(stapled.oracle)
      expect(stapled.lazy).toBeLessThan(stapled.everstaple)
    },
  )

  it('loses nothing while all is well, with few requests', () => {
    const { stapled, requestsPerNewAnswer, goal } = figuresOf(tallies[0] ?? fail())
    expect(stapled).toMatchObject({ everstaple: 1, oracle: 1 })
    expect(requestsPerNewAnswer).toBeGreaterThan(1)
    expect(requestsPerNewAnswer).toBeLessThan(4)
    expect(goal).toBe('met')
  })

  it('tells how far it is', () => {
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(progress.at(-1)).toBeCloseTo(1)
  })

  it('gives the same for the same seed with any number of threads, and something else for another', async () => {
    const chosen = scenarios.filter(({ name }) => name === 'everything')
    const options = { workload: small, chosen, progress: () => undefined }
    const one = await simulate({ ...options, workers: 1 })
    expect(one).toEqual(tallies.slice(scenarios.indexOf(chosen[0] ?? fail())).slice(0, 1))
    const other = await simulate({ ...options, workload: { ...small, seed: 2 }, workers: 2 })
    expect(other).not.toEqual(one)
  })
})

describe('the model', () => {
  it('has the limits that the service has by default', () => {
    const { concurrency, ratePerSecond } = fileKeys.parse({}).responders
    expect(healthLimits).toEqual({ concurrency: concurrency.perResponder, ratePerSecond })
  })
})

function fail(): never {
  throw new Error('there is no such scenario')
}
