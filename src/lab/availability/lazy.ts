import { DAY_MS, MINUTE_MS } from '../../der/time.ts'
import type { Random } from '../../time/clock.ts'
import { exponential } from '../seeded-random.ts'
import type { Answers } from './answers.ts'
import type { SimulatedResponder } from './responders.ts'
import type { Tenures } from './tenures.ts'
import type { Workload } from './workload.ts'

/** What `simulateLazy` goes by. */
export interface LazyOptions {
  readonly responder: Pick<SimulatedResponder, 'failing' | 'latency'>
  readonly answers: Answers
  readonly tenures: Tenures
  /** From when on each row counts, with empty caches. */
  readonly since: Float64Array
  readonly workload: Pick<Workload, 'connectionsPerDay' | 'regions'>
  readonly random: Random
}

/**
 * The post's old design: each region fetches when a connection needs a staple and its cache has none usable; that connection, and those
 * during the fetch, go without; after a failure, those of the next five minutes too. Gives connection weight times milliseconds without a
 * staple. Each moment at which a cache is found empty is drawn, as connections come at random; how many go without while it is
 * being filled is their expectation. Regions are alike, and so are certificates of about the same popularity: a sample of both stands for
 * all, drawn so that the sum is right on average.
 */
export function simulateLazy(options: LazyOptions): number {
  const { tenures, random } = options
  let missed = 0
  for (let from = 0; from < tenures.count; ) {
    const to = Math.min(tenures.count, Math.max(from + 1, Math.floor(from * STRATUM)))
    let all = 0
    for (let row = from; row < to; row++) all += massOf(row, options)
    let left = random() * all
    let chosen = from
    while (chosen < to - 1 && left >= massOf(chosen, options)) left -= massOf(chosen++, options)
    if (all > 0) missed += all * missedShare(chosen, options)
    from = to
  }
  return missed
}

/** Weight times milliseconds that count. */
function massOf(row: number, { tenures, since }: LazyOptions): number {
  const time = (tenures.to[row] ?? 0) - (since[row] ?? 0)
  return time > 0 ? time * (tenures.weight[row] ?? 0) : 0
}

/** The part of one certificate's connections that go without, over a few regions. */
function missedShare(row: number, options: LazyOptions): number {
  const { tenures, workload, since } = options
  const { connectionsPerDay, regions } = workload
  const rate = ((tenures.weight[row] ?? 0) * connectionsPerDay) / regions / DAY_MS
  const sampled = Math.min(REGIONS_SAMPLED, regions)
  let missed = 0
  for (let region = 0; region < sampled; region++) missed += missedIn(row, rate, options)
  return missed / (sampled * rate * ((tenures.to[row] ?? 0) - (since[row] ?? 0)))
}

/** Connections without a staple in one region; `rate` is connections per millisecond. */
function missedIn(row: number, rate: number, options: LazyOptions): number {
  const { responder, answers, tenures, since, random } = options
  const to = tenures.to[row] ?? 0
  let missed = 0
  let now = (since[row] ?? 0) + exponential(1 / rate, random)
  while (now < to) {
    const answer = answers.newestAt(row, now)
    const until = answers.usableUntil(row, answer)
    const hasFailed =
      answer < (tenures.first[row] ?? 0) ||
      until <= now ||
      random() < responder.failing ||
      answers.troubleAt(row, now) !== undefined
    const pause = Math.min(hasFailed ? BACK_OFF : responder.latency, to - now)
    missed += 1 + rate * pause
    now = (hasFailed ? now + pause : Math.max(until, now + pause)) + exponential(1 / rate, random)
  }
  return missed
}

/** As nginx pauses. */
const BACK_OFF = 5 * MINUTE_MS
/** Rows up to the 33rd stand for themselves alone; of others every one for 3 % of the scale of popularity. */
const STRATUM = 1.03
const REGIONS_SAMPLED = 2
