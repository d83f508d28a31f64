import type { Tally } from './tally.ts'

/** What the availability model says of one scenario. Shares are of TLS connections, from 0 to 1. */
export interface Figures {
  /** With a staple, from the first staple of each certificate on. */
  readonly stapled: {
    readonly everstaple: number
    /** The old design: fetched when a connection needs it. */
    readonly lazy: number
    /** The best that anybody could do. */
    readonly oracle: number
  }
  /** Unstapled share of everstaple less that of the oracle. */
  readonly moreUnstapledThanOracle: number
  /** Of all connections, those before the first staple of their certificate. */
  readonly beforeFirstStaple: number
  /** Requests for each new answer of responders to which the scenario did nothing; `undefined` where it spared none. */
  readonly requestsPerNewAnswer: number | undefined
  readonly requests: number
  readonly goal: 'met' | 'missed'
}

/** Shares of a tally, and whether they reach the {@link goal}. */
export function figuresOf(tally: Tally): Figures {
  const { connections, before, ahead, lazy, oracle, requests } = tally
  const { healthyRequests, healthyPublished } = tally
  const share = (part: number) => (connections === 0 ? 0 : part / connections)
  const moreUnstapledThanOracle = share(ahead - oracle)
  const requestsPerNewAnswer =
    healthyPublished === 0 ? undefined : healthyRequests / healthyPublished
  const isMet =
    moreUnstapledThanOracle <= goal.moreUnstapledThanOracle &&
    (requestsPerNewAnswer ?? 0) <= goal.requestsPerNewAnswer
  return {
    stapled: {
      everstaple: 1 - share(ahead),
      lazy: 1 - share(lazy),
      oracle: 1 - share(oracle),
    },
    moreUnstapledThanOracle,
    beforeFirstStaple: connections + before === 0 ? 0 : before / (connections + before),
    requestsPerNewAnswer,
    requests,
    goal: isMet ? 'met' : 'missed',
  }
}

/** At most. */
export const goal = { moreUnstapledThanOracle: 1e-5, requestsPerNewAnswer: 4 } as const
