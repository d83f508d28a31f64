/** Sums over connections; each certificate's time in use counts with its part of all connections, so an hour of a popular one is more than a day of others. */
export interface Tally {
  /** Connection weight times milliseconds: of all, and of those after the certificate has had its first staple by this design. */
  all: number
  sinceFirst: number
  /** Of those, without a staple. */
  ahead: Unstapled
  oracle: Unstapled
  lazy: { all: number; unstapled: number }
  /** HTTP exchanges, and the new answers that could be had; of responders to which the scenario did nothing. */
  healthy: { exchanges: number; published: number }
  exchanges: number
  published: number
}

export interface Unstapled {
  all: number
  sinceFirst: number
}

/** A tally of nothing. */
export function emptyTally(): Tally {
  return {
    all: 0,
    sinceFirst: 0,
    ahead: { all: 0, sinceFirst: 0 },
    oracle: { all: 0, sinceFirst: 0 },
    lazy: { all: 0, unstapled: 0 },
    healthy: { exchanges: 0, published: 0 },
    exchanges: 0,
    published: 0,
  }
}

/** Both tallies in one. */
export function sum(a: Tally, b: Tally): Tally {
  return {
    all: a.all + b.all,
    sinceFirst: a.sinceFirst + b.sinceFirst,
    ahead: sumUnstapled(a.ahead, b.ahead),
    oracle: sumUnstapled(a.oracle, b.oracle),
    lazy: { all: a.lazy.all + b.lazy.all, unstapled: a.lazy.unstapled + b.lazy.unstapled },
    healthy: {
      exchanges: a.healthy.exchanges + b.healthy.exchanges,
      published: a.healthy.published + b.healthy.published,
    },
    exchanges: a.exchanges + b.exchanges,
    published: a.published + b.published,
  }
}

function sumUnstapled(a: Unstapled, b: Unstapled): Unstapled {
  return { all: a.all + b.all, sinceFirst: a.sinceFirst + b.sinceFirst }
}
