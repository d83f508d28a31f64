import { DAY_MS, HOUR_MS, SECOND_MS } from '../../der/time.ts'
import type { Random } from '../../time/clock.ts'
import { seededRandom } from '../seeded-random.ts'
import type { SimulatedResponder } from './responders.ts'
import type { Scenario } from './scenarios.ts'
import { popularity, type Workload } from './workload.ts'

/**
 * The certificates of one responder, as columns, most popular first. A certificate that is issued anew during the simulation has several
 * rows: each row is one certificate's time in use. Times are milliseconds since the simulation began.
 */
export interface Tenures {
  readonly count: number
  readonly from: Float64Array
  readonly to: Float64Array
  /** Part of all connections while it is in use. */
  readonly weight: Float64Array
  /** thisUpdate of answer number 0. */
  readonly origin: Float64Array
  /** The first answer that there is: 0 for those issued during the simulation, which are known to the responder from `origin` on. */
  readonly first: Int32Array
}

/** What `tenuresOf` goes by. */
export interface TenuresOptions {
  readonly responder: SimulatedResponder
  readonly reissue: Scenario['reissue']
  readonly workload: Workload
  /** Popularity ranks, from 0 and rising, of the certificates of this responder. */
  readonly ranks: Iterable<number>
}

/** The rows of one responder. Each certificate has its own phase of publication and of renewal. */
export function tenuresOf({ responder, reissue, workload, ranks }: TenuresOptions): Tenures {
  const { length, seed } = workload
  const random = seededRandom(seed, 'tenures', responder.name)
  const hour = length * (0.3 + 0.4 * seededRandom(seed, 'reissue')())
  const rows: Rows = { from: [], to: [], weight: [], origin: [], first: [] }
  for (const rank of ranks) {
    const weight = popularity(rank, workload)
    const reissuedAt = reissue === 'none' ? undefined : hour + random() * HOUR_MS
    let from = 0
    let origin = -random() * responder.renewEvery
    for (const to of [...issuances({ length, reissuedAt, random }), length]) {
      rows.from.push(from)
      rows.to.push(to)
      rows.weight.push(weight)
      rows.origin.push(Math.ceil(origin / SECOND_MS) * SECOND_MS)
      rows.first.push(from === 0 ? LONG_AGO : 0)
      from = to
      origin = to + random() * responder.slowToKnow
    }
  }
  return columnsOf(rows)
}

/** When a certificate is replaced: every 60 days where it is one of 90 days, as automatic clients do it; every 11 months where of a year. */
function issuances(options: {
  readonly length: number
  readonly reissuedAt: number | undefined
  readonly random: Random
}): number[] {
  const { length, reissuedAt = Number.POSITIVE_INFINITY, random } = options
  const every = random() < SHARE_OF_A_YEAR ? 335 * DAY_MS : 60 * DAY_MS
  const moments: number[] = []
  let next = random() * every
  let isReissued = false
  while (next < length || (!isReissued && reissuedAt < length)) {
    if (!isReissued && reissuedAt <= next) {
      isReissued = true
      next = reissuedAt
    }
    moments.push(Math.round(next))
    next += every
  }
  return moments
}

interface Rows {
  readonly from: number[]
  readonly to: number[]
  readonly weight: number[]
  readonly origin: number[]
  readonly first: number[]
}

function columnsOf({ from, to, weight, origin, first }: Rows): Tenures {
  return {
    count: from.length,
    from: Float64Array.from(from),
    to: Float64Array.from(to),
    weight: Float64Array.from(weight),
    origin: Float64Array.from(origin),
    first: Int32Array.from(first),
  }
}

const SHARE_OF_A_YEAR = 0.1
/** Answers reach back further than any simulation asks. */
const LONG_AGO = -1_000_000
