import { HOUR_MS } from '../../der/time.ts'
import { seededRandom } from '../seeded-random.ts'
import type { SimulatedResponder } from './responders.ts'
import type { Scenario } from './scenarios.ts'

/** The size of the simulated world. */
export interface Workload {
  readonly certificates: number
  /** Length of the simulation in milliseconds. */
  readonly length: number
  /** Places with a cache of their own in the old design. */
  readonly regions: number
  readonly seed: number
  /** Over all certificates and regions. */
  readonly connectionsPerDay: number
  /** The k-th most popular certificate gets 1/k^s of the most popular one's connections. */
  readonly zipf: number
}

/**
 * The certificates of one responder, as columns, most popular first. A certificate that is issued anew during the simulation has two rows,
 * one after the other: each row is one certificate's time in use.
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

/** The rows of one responder: who has which certificate is the same in every scenario. */
export function tenuresOf(
  responder: SimulatedResponder,
  place: { readonly at: number; readonly responders: readonly SimulatedResponder[] },
  { reissue }: Pick<Scenario, 'reissue'>,
  workload: Workload,
): Tenures {
  const ranks = ranksOf(place, workload)
  const { length, seed, zipf, certificates } = workload
  const total = harmonic(certificates, zipf)
  const tenures = empty(ranks.length * 2)
  const random = seededRandom(seed, 'tenures', responder.name)
  const hour = length * (0.3 + 0.4 * seededRandom(seed, 'reissue')())
  ranks.forEach((rank, index) => {
    const weight = (rank + 1) ** -zipf / total
    const phase = random() * responder.renewEvery
    const drawn = random()
    const change = reissue === 'all-in-an-hour' ? hour + drawn * HOUR_MS : drawn * length
    const known = change + random() * responder.slowToKnow
    set(tenures, index * 2, { from: 0, to: change, weight, origin: -phase, first: LONG_AGO })
    set(tenures, index * 2 + 1, { from: change, to: length, weight, origin: known, first: 0 })
  })
  return tenures
}

/** The sum of k^-s for k from 1 to n. */
export function harmonic(n: number, s: number): number {
  let sum = 0
  for (let k = n; k >= 1; k--) sum += k ** -s
  return sum
}

/** Popularity ranks, from 0, of the certificates of a responder. */
function ranksOf(
  { at, responders }: { readonly at: number; readonly responders: readonly SimulatedResponder[] },
  { certificates, seed }: Workload,
): number[] {
  const before = responders.slice(0, at).reduce((sum, { share }) => sum + share, 0)
  const end = before + (responders[at]?.share ?? 0)
  const random = seededRandom(seed, 'shares')
  const ranks: number[] = []
  for (let rank = 0; rank < certificates; rank++) {
    const drawn = random()
    if (drawn >= before && drawn < end) ranks.push(rank)
  }
  return ranks
}

function empty(count: number): Tenures {
  const column = () => new Float64Array(count)
  return {
    count,
    from: column(),
    to: column(),
    weight: column(),
    origin: column(),
    first: new Int32Array(count),
  }
}

function set(
  tenures: Tenures,
  row: number,
  values: {
    readonly from: number
    readonly to: number
    readonly weight: number
    readonly origin: number
    readonly first: number
  },
): void {
  tenures.from[row] = values.from
  tenures.to[row] = values.to
  tenures.weight[row] = values.weight
  tenures.origin[row] = values.origin
  tenures.first[row] = values.first
}

/** Answers reach back further than any simulation asks. */
const LONG_AGO = -1_000_000
