import { MINUTE_MS } from '../../der/time.ts'
import type { Random } from '../../time/clock.ts'
import { exponential } from '../seeded-random.ts'
import type { Answers } from './answers.ts'
import type { SimulatedResponder } from './responders.ts'
import type { Tenures, Workload } from './tenures.ts'

/** Weight times milliseconds: of all connections, and of those without a staple. */
export interface LazyResult {
  readonly all: number
  readonly unstapled: number
}

/**
 * The post's old design: each region fetches when a connection needs a staple and its cache has none; that connection, and those
 * during the fetch, go without; after a failure, those of the next five minutes too. Popular certificates one by one, of the others one for each hundredth of the popularity
 * scale, and of the regions, which are alike, a few; connections come at random.
 */
export function simulateLazy(options: {
  readonly responder: SimulatedResponder
  readonly answers: Answers
  readonly tenures: Tenures
  readonly workload: Workload
  readonly random: Random
}): LazyResult {
  const { tenures, workload } = options
  const pairs = tenures.count / 2
  let all = 0
  let unstapled = 0
  for (let from = 0; from < pairs; ) {
    const to = Math.min(pairs, Math.max(from + 1, Math.floor(from * STRATUM)))
    const chosen = from + Math.floor(options.random() * (to - from))
    let weight = 0
    for (let pair = from; pair < to; pair++) weight += tenures.weight[pair * 2] ?? 0
    const perDay = ((weight / (to - from)) * workload.connectionsPerDay) / workload.regions
    for (const row of [chosen * 2, chosen * 2 + 1]) {
      const time = (tenures.to[row] ?? 0) - (tenures.from[row] ?? 0)
      const share = missedShare(row, perDay / DAY, options)
      all += weight * time
      unstapled += weight * time * share
    }
    from = to
  }
  return { all, unstapled }
}

/** The part of one certificate's connections that go without, over a few regions. */
function missedShare(
  row: number,
  rate: number,
  options: Parameters<typeof simulateLazy>[0],
): number {
  const { tenures, workload } = options
  const regions = Math.min(REGIONS_SAMPLED, workload.regions)
  const time = (tenures.to[row] ?? 0) - (tenures.from[row] ?? 0)
  if (time <= 0) return 0
  let missed = 0
  for (let region = 0; region < regions; region++) missed += missedIn(row, rate, options)
  return Math.min(1, missed / (regions * rate * time))
}

/** The expected number of connections without a staple in one region; `rate` is connections per millisecond. */
function missedIn(
  row: number,
  rate: number,
  { responder, answers, tenures, random }: Parameters<typeof simulateLazy>[0],
): number {
  const to = tenures.to[row] ?? 0
  let missed = 0
  let now = (tenures.from[row] ?? 0) + exponential(1 / rate, random)
  while (now < to) {
    const answer = answers.newestAt(row, now)
    const until = answers.thisUpdate(row, answer) + answers.usableLife
    const hasFailed =
      answers.troubleAt(row, now) !== 'none' ||
      answer < (tenures.first[row] ?? 0) ||
      random() < responder.failing ||
      until <= now
    const pause = hasFailed ? BACK_OFF : responder.latency
    missed += 1 + rate * Math.min(pause, to - now)
    now = (hasFailed ? now + pause : until) + exponential(1 / rate, random)
  }
  return missed
}

const DAY = 86_400_000
/** As nginx pauses. */
const BACK_OFF = 5 * MINUTE_MS
const STRATUM = 1.01
const REGIONS_SAMPLED = 3
