import { seededRandom } from '../seeded-random.ts'
import { simulateAhead } from './ahead.ts'
import { Answers } from './answers.ts'
import { simulateLazy } from './lazy.ts'
import { oracleGaps } from './oracle.ts'
import { respondersOf, type Scenario } from './scenarios.ts'
import { emptyTally, type Tally } from './tally.ts'
import { tenuresOf, type Workload } from './tenures.ts'

/** All three designs on the certificates of one responder in one scenario; the same for the same workload. */
export function simulateResponder(
  scenario: Scenario,
  place: number,
  workload: Workload,
  progress?: (at: number) => void,
): Tally {
  const { seed, length } = workload
  const tally = emptyTally()
  const responders = respondersOf(scenario, seed, length)
  const responder = responders[place]
  if (responder === undefined) return tally
  const tenures = tenuresOf(responder, { at: place, responders }, scenario, workload)
  const answers = new Answers(responder, tenures)
  const random = (what: string) => seededRandom(seed, scenario.name, responder.name, what)
  const world = { responder, answers, tenures, length, workload }
  const ahead = simulateAhead({
    ...world,
    random: random('ahead'),
    ...(progress === undefined ? {} : { progress }),
  })
  tally.exchanges = ahead.exchanges
  tally.lazy = { ...simulateLazy({ ...world, random: random('lazy') }) }
  for (let row = 0; row < tenures.count; row++) {
    const [from, to] = [tenures.from[row] ?? 0, tenures.to[row] ?? 0]
    const weight = tenures.weight[row] ?? 0
    const since = Math.min(to, ahead.firstAt[row] ?? to)
    const unstapled = Math.min(ahead.unstapled[row] ?? 0, to - since)
    const gaps = oracleGaps(row, world, { since, latency: responder.latency / 2 })
    tally.all += weight * (to - from)
    tally.sinceFirst += weight * (to - since)
    tally.ahead.all += weight * (unstapled + since - from)
    tally.ahead.sinceFirst += weight * unstapled
    tally.oracle.all += weight * gaps.all
    tally.oracle.sinceFirst += weight * gaps.sinceFirst
    const last = answers.newestAt(row, to)
    const before = Math.max(answers.newestAt(row, from), (tenures.first[row] ?? 0) - 1)
    const hadOne = before >= (tenures.first[row] ?? 0) ? 1 : 0
    tally.published += Math.max(0, last - before) + hadOne
  }
  if (responder.isHealthy) {
    tally.healthy = { exchanges: tally.exchanges, published: tally.published }
  }
  return tally
}
