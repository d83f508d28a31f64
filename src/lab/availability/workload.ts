import { seededRandom } from '../seeded-random.ts'
import type { SimulatedResponder } from './responders.ts'

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
}

/**
 * For each responder the popularity ranks, from 0 and rising, of its certificates. The same in every scenario, as shares do not depend
 * on it.
 */
export function assign(
  responders: readonly Pick<SimulatedResponder, 'share'>[],
  { certificates, seed }: Workload,
): readonly Int32Array[] {
  const random = seededRandom(seed, 'assignment')
  const ends: number[] = []
  for (const { share } of responders) ends.push((ends.at(-1) ?? 0) + share)
  const places = Uint16Array.from({ length: certificates }, () => placeOf(random(), ends))
  const counts = new Int32Array(responders.length)
  for (const place of places) counts[place] = (counts[place] ?? 0) + 1
  const ranks = Array.from(counts, (count) => new Int32Array(count))
  const taken = new Int32Array(responders.length)
  places.forEach((place, rank) => {
    const at = taken[place] ?? 0
    const list = ranks[place]
    if (list !== undefined) list[at] = rank
    taken[place] = at + 1
  })
  return ranks
}

/** The part of all connections that the certificate of a rank gets: Zipf's law with exponent 1. */
export function popularity(rank: number, { certificates }: Pick<Workload, 'certificates'>): number {
  return 1 / ((rank + 1) * harmonic(certificates))
}

/** The sum of 1/k for k from 1 to n, to nine digits. */
export function harmonic(n: number): number {
  if (n > 100) return Math.log(n) + 0.577_215_664_9 + 1 / (2 * n) - 1 / (12 * n * n)
  let sum = 0
  for (let k = n; k >= 1; k--) sum += 1 / k
  return sum
}

/** The first place whose end is above `drawn`; the last one, where rounding left none. */
function placeOf(drawn: number, ends: readonly number[]): number {
  let [low, high] = [0, ends.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (drawn < (ends[middle] ?? 1)) high = middle
    else low = middle + 1
  }
  return low
}
