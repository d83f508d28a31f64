import { seededRandom } from '../seeded-random.ts'
import { simulateAhead } from './ahead.ts'
import { Answers } from './answers.ts'
import { simulateLazy } from './lazy.ts'
import { oracleGap } from './oracle.ts'
import type { SimulatedResponder } from './responders.ts'
import type { Scenario } from './scenarios.ts'
import { emptyTally, type Tally } from './tally.ts'
import { type Tenures, tenuresOf } from './tenures.ts'
import type { Workload } from './workload.ts'

/** What `simulateResponder` goes by. */
export interface ResponderOptions {
  readonly scenario: Pick<Scenario, 'name' | 'reissue'>
  readonly responder: SimulatedResponder
  readonly workload: Workload
  /** Popularity ranks, from 0 and rising, of its certificates. */
  readonly ranks: Iterable<number>
}

/** All three designs on the certificates of one responder in one scenario; the same for the same options. */
export function simulateResponder(options: ResponderOptions): Tally {
  const { scenario, responder, workload, ranks } = options
  const { seed, length } = workload
  const tenures = tenuresOf({ responder, reissue: scenario.reissue, workload, ranks })
  const answers = new Answers(responder, tenures)
  const random = (design: string) => seededRandom(seed, scenario.name, responder.name, design)
  const world = { responder, answers, tenures, length, workload }
  const { firstAt, gap, requests } = simulateAhead({ ...world, random: random('ahead') })
  const lazy = simulateLazy({ ...world, since: firstAt, random: random('lazy') })
  let [connections, before, ahead, oracle, published] = [0, 0, 0, 0, 0]
  for (let row = 0; row < tenures.count; row++) {
    const [from, to] = [tenures.from[row] ?? 0, tenures.to[row] ?? 0]
    const weight = tenures.weight[row] ?? 0
    const since = Math.min(to, firstAt[row] ?? to)
    connections += weight * (to - since)
    before += weight * (since - from)
    if (since < to) {
      ahead += weight * (gap[row] ?? 0)
      oracle += weight * oracleGap(row, since, world)
    }
    published += publishedFor(row, world)
  }
  const healthy = responder.isHealthy ? 1 : 0
  const counts = { healthyRequests: healthy * requests, healthyPublished: healthy * published }
  return { ...emptyTally, connections, before, ahead, lazy, oracle, requests, published, ...counts }
}

/** New answers during the time in use, and the one that is there when it begins. */
function publishedFor(
  row: number,
  { answers, tenures }: { readonly answers: Answers; readonly tenures: Tenures },
): number {
  const first = tenures.first[row] ?? 0
  const before = Math.max(first, answers.newestAt(row, tenures.from[row] ?? 0))
  return Math.max(0, answers.newestAt(row, tenures.to[row] ?? 0) - before + 1)
}
