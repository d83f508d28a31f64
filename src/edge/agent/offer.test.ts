import { afterEach, beforeEach, expect, it } from 'vitest'
import { durationMs, MINUTE_MS, SECOND_MS } from '../../der/time.ts'
import { certificate, NOW } from '../../store/_records.ts'
import { SimulatedClock } from '../../time/simulated-clock.ts'
import { CentreError } from './http-centre.ts'
import { Offers } from './offer.ts'

let clock: SimulatedClock
let answers: (Error | undefined)[]
let log: string[]
let offers: Offers
let stop: AbortController
let ended: Promise<void>
beforeEach(() => {
  clock = new SimulatedClock(NOW)
  answers = []
  log = []
  stop = new AbortController()
  offers = new Offers({
    centre: {
      async offer(chain) {
        log.push(`offered ${chain.split('BEGIN').length - 1} certificates`)
        const answer = answers.shift()
        if (answer !== undefined) throw answer
      },
    },
    clock,
    events: {
      offerFailed: ({ certificate: { name }, problem, retryIn }) =>
        log.push(`${name}: ${problem}, ${retryIn ?? 'never'}`),
    },
  })
  ended = offers.run(stop.signal)
})
afterEach(async () => {
  stop.abort()
  await ended
})

async function pass(duration: number): Promise<void> {
  await expect.poll(() => clock.sleeping).toBe(1)
  await clock.advance(durationMs(duration))
  await expect.poll(() => clock.sleeping).toBe(1)
}

it('offers a certificate with its issuer, once', async () => {
  offers.offer([certificate(1)])
  await pass(0)
  await pass(MINUTE_MS)
  expect(log).toEqual(['offered 2 certificates'])
})

it('offers again, ever more seldom, until the centre has taken it', async () => {
  answers = [new Error('away'), new CentreError('stopping', { statusCode: 503 })]
  offers.offer([certificate(1)])
  await pass(0)
  await pass(2 * SECOND_MS)
  await pass(4 * SECOND_MS)
  const { name } = certificate(1)
  const offered = 'offered 2 certificates'
  expect(log).toEqual([offered, `${name}: away, 2000`, offered, `${name}: stopping, 4000`, offered])
})

it('goes on with the others where the centre has something against one', async () => {
  answers = [new CentreError('expired', { statusCode: 422 })]
  offers.offer([certificate(1), certificate(2)])
  await pass(0)
  await pass(MINUTE_MS)
  const offered = 'offered 2 certificates'
  expect(log).toEqual([offered, `${certificate(1).name}: expired, never`, offered])
})

it('no longer offers what is no longer to be offered', async () => {
  answers = [new Error('away')]
  offers.offer([certificate(1)])
  await pass(0)
  offers.offer([])
  await pass(MINUTE_MS)
  expect(log).toHaveLength(2)
})
