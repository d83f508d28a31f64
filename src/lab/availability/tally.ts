/**
 * Sums over connections: each certificate's time in use, in milliseconds, counts with its part of all connections, so that an hour of a popular
 * one is more than a day of others. Where it does not say otherwise, from the first staple (of this design) of each certificate on.
 */
export interface Tally {
  readonly connections: number
  /** Those before the first staple. */
  readonly before: number
  /** Of `connections`, those without a staple. */
  readonly ahead: number
  readonly lazy: number
  readonly oracle: number
  /** Of this design: HTTP requests, and new answers that were to be had in the time in use. */
  readonly requests: number
  readonly published: number
  /** Those of responders to which the scenario did nothing. */
  readonly healthyRequests: number
  readonly healthyPublished: number
}

/** A tally of nothing. */
export const emptyTally: Tally = {
  connections: 0,
  before: 0,
  ahead: 0,
  lazy: 0,
  oracle: 0,
  requests: 0,
  published: 0,
  healthyRequests: 0,
  healthyPublished: 0,
}

/** Both tallies in one. */
export function sum(a: Tally, b: Tally): Tally {
  return {
    connections: a.connections + b.connections,
    before: a.before + b.before,
    ahead: a.ahead + b.ahead,
    lazy: a.lazy + b.lazy,
    oracle: a.oracle + b.oracle,
    requests: a.requests + b.requests,
    published: a.published + b.published,
    healthyRequests: a.healthyRequests + b.healthyRequests,
    healthyPublished: a.healthyPublished + b.healthyPublished,
  }
}
