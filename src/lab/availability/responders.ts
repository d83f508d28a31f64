import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../der/time.ts'

/** A stretch of time, from its first moment up to and without its last; milliseconds since the simulation began. */
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
  /** From thisUpdate until the answer can be had; each answer's own lag is up to a tenth longer or shorter. */
  readonly lag: number
  /** The max-age that it sends: until the next answer can be had, or always the same. Copies are kept for that long on the way to it; 0 is no cache. */
  readonly maxAge: 'until-renewal' | number
  /** Of one exchange; each is up to half longer or shorter. */
  readonly latency: number
  /** The part of exchanges that end in HTTP status 404, drawn anew for every connection. */
  readonly failing: number
  /** While nobody can connect. */
  readonly outages: readonly Interval[]
  /** While a part of the certificates is answered tryLater. */
  readonly storms: readonly (Interval & { readonly share: number })[]
  /** From issuance until it knows a certificate: the longest, evenly spread from nothing. Until then it says unauthorized. */
  readonly slowToKnow: number
  /** Whether the scenario has done nothing to it, so that its requests for each new response count. */
  readonly isHealthy: boolean
}

/**
 * Sixteen CAs that are well. Their periods are those that are known of public CAs (7 days renewed at half, 4 days, 10 days, a day and less for
 * short-lived certificates); which has which share is made up, the few large ones having most of it.
 */
export function healthyResponders(): SimulatedResponder[] {
  return rows.map(([percent, validity, renewEvery, lag, maxAge, latency], at) => ({
    name: `ca-${String(at + 1).padStart(2, '0')}`,
    share: percent / 100,
    validity,
    renewEvery,
    lag,
    maxAge,
    latency,
    failing: 0.001,
    outages: [],
    storms: [],
    slowToKnow: 0,
    isHealthy: true,
  }))
}

type Row = readonly [
  percent: number,
  validity: number,
  renewEvery: number,
  lag: number,
  maxAge: 'until-renewal' | number,
  latency: number,
]

const rows: readonly Row[] = [
  [18, 7 * DAY_MS, 3.5 * DAY_MS, HOUR_MS, 'until-renewal', 40],
  [14, 7 * DAY_MS, DAY_MS, 30 * MINUTE_MS, HOUR_MS, 50],
  [12, 7 * DAY_MS, 3.5 * DAY_MS, 2 * HOUR_MS, 0, 60],
  [10, 4 * DAY_MS, 2 * DAY_MS, HOUR_MS, 'until-renewal', 45],
  [9, 7 * DAY_MS, 12 * HOUR_MS, 10 * MINUTE_MS, 'until-renewal', 30],
  [8, 10 * DAY_MS, 4 * DAY_MS, HOUR_MS, 6 * HOUR_MS, 80],
  [6, 7 * DAY_MS, 2 * DAY_MS, 0, 0, 50],
  [5, 5 * DAY_MS, 2.5 * DAY_MS, HOUR_MS, 'until-renewal', 120],
  [4, 4 * DAY_MS, DAY_MS, 20 * MINUTE_MS, 'until-renewal', 60],
  [3, 7 * DAY_MS, 3.5 * DAY_MS, 8 * HOUR_MS, HOUR_MS, 90],
  [3, 3 * DAY_MS, 1.5 * DAY_MS, HOUR_MS, 'until-renewal', 70],
  [2, 7 * DAY_MS, DAY_MS, 0, 0, 200],
  [2, 2 * DAY_MS, DAY_MS, 15 * MINUTE_MS, 'until-renewal', 50],
  [2, 10 * DAY_MS, 3.5 * DAY_MS, HOUR_MS, 0, 100],
  [1, DAY_MS, 12 * HOUR_MS, 5 * MINUTE_MS, 'until-renewal', 40],
  [1, 16 * HOUR_MS, 8 * HOUR_MS, 5 * MINUTE_MS, 'until-renewal', 40],
]
