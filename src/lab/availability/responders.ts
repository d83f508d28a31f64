import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../der/time.ts'
import { exponential, seededRandom } from '../seeded-random.ts'

/** A stretch of time, up to and without its last moment; milliseconds since the simulation began. */
export interface Interval {
  readonly from: number
  readonly to: number
}

/** A CA's responder as the model knows it. Durations are milliseconds. */
export interface SimulatedResponder {
  readonly name: string
  /** Its part of all certificates; all parts make 1. */
  readonly share: number
  /** nextUpdate less thisUpdate. */
  readonly validity: number
  /** From one thisUpdate to the next of the same certificate. */
  readonly renewEvery: number
  /** From thisUpdate until the answer can be had; each answer's own lag is up to half longer or shorter. */
  readonly lag: number
  /** The max-age that it sends: until the next answer can be had, or always the same, for which caches keep copies; 0 is no cache. */
  readonly maxAge: 'until-renewal' | number
  /** Of one exchange; each is up to half longer or shorter. */
  readonly latency: number
  /** The part of exchanges that end in HTTP status 404, drawn anew for every connection. */
  readonly failing: number
  /** While nobody can connect; in order. */
  readonly outages: readonly Interval[]
  /** While a part of the certificates is answered tryLater. */
  readonly storms: readonly (Interval & { readonly share: number })[]
  /** From issuance until it knows a certificate, at most, evenly spread from nothing. Until then it says unauthorized. */
  readonly slowToKnow: number
  /** Whether the scenario has done nothing to it, so that its requests for each new answer count. */
  readonly isHealthy: boolean
}

/**
 * The responders of 192 CAs that are well but for short outages, each a quarter of an hour on average, every three weeks. The periods are those that
 * public CAs are known to have; which has which share is made up: a few large ones have most of it, as in each row the k-th has 1/k of the first.
 */
export function healthyResponders(seed: number, length: number): SimulatedResponder[] {
  const members = Array.from({ length: MEMBERS }, (_, k) => 1 / (k + 1))
  const all = members.reduce((sum, part) => sum + part, 0)
  return rows.flatMap(([percent, validity, renewEvery, lag, maxAge, latency], row) =>
    members.map((part, k) => {
      const name = `ca-${row + 1}-${k + 1}`
      return {
        ...{ name, validity, renewEvery, lag, maxAge, latency },
        share: (percent / 100) * (part / all),
        failing: 0.001,
        outages: shortOutages(seed, name, length),
        storms: [],
        slowToKnow: 0,
        isHealthy: true,
      }
    }),
  )
}

function shortOutages(seed: number, name: string, length: number): Interval[] {
  const random = seededRandom(seed, 'short outages', name)
  const outages: Interval[] = []
  let from = exponential(21 * DAY_MS, random)
  while (from < length) {
    const to = from + exponential(15 * MINUTE_MS, random)
    outages.push({ from, to })
    from = to + exponential(21 * DAY_MS, random)
  }
  return outages
}

const MEMBERS = 12

type Row = readonly [
  percent: number,
  validity: number,
  renewEvery: number,
  lag: number,
  maxAge: 'until-renewal' | number,
  latency: number,
]

const rows: readonly Row[] = [
  [22, 7 * DAY_MS, 3.5 * DAY_MS, HOUR_MS, 'until-renewal', 40],
  [14, 4 * DAY_MS, 2 * DAY_MS, HOUR_MS, 'until-renewal', 45],
  [12, 7 * DAY_MS, 3.5 * DAY_MS, 2 * HOUR_MS, 0, 60],
  // Usable for seven days, as Chromium takes nothing older.
  [9, 10 * DAY_MS, 4 * DAY_MS, HOUR_MS, 6 * HOUR_MS, 80],
  [8, 7 * DAY_MS, DAY_MS, 30 * MINUTE_MS, HOUR_MS, 50],
  [7, 5 * DAY_MS, 2.5 * DAY_MS, HOUR_MS, 'until-renewal', 120],
  [6, 7 * DAY_MS, 2 * DAY_MS, 0, 0, 50],
  [5, 3 * DAY_MS, 1.5 * DAY_MS, HOUR_MS, 'until-renewal', 70],
  [4, 4 * DAY_MS, DAY_MS, 20 * MINUTE_MS, 'until-renewal', 60],
  [4, 7 * DAY_MS, 3.5 * DAY_MS, 8 * HOUR_MS, HOUR_MS, 90],
  [2, 7 * DAY_MS, 12 * HOUR_MS, 10 * MINUTE_MS, 'until-renewal', 30],
  [2, 10 * DAY_MS, 3.5 * DAY_MS, HOUR_MS, 0, 100],
  [2, 2 * DAY_MS, DAY_MS, 15 * MINUTE_MS, 'until-renewal', 50],
  [1, 7 * DAY_MS, DAY_MS, 0, 0, 200],
  [1, DAY_MS, 12 * HOUR_MS, 5 * MINUTE_MS, 'until-renewal', 40],
  [1, 16 * HOUR_MS, 8 * HOUR_MS, 5 * MINUTE_MS, 'until-renewal', 40],
]

/** How many there are. */
export const responderCount: number = rows.length * MEMBERS
