/** What is counted of the handshakes with one server in one act. */
export interface Count {
  readonly stapled: number
  readonly all: number
}

/** Counts handshakes, and how many of them carried an acceptable staple, by server and act. */
export class Tally {
  readonly #counts = new Map<string, Map<string, Count>>()

  /** Servers come in the order in which they entered. */
  enter(server: string): void {
    if (!this.#counts.has(server)) this.#counts.set(server, new Map())
  }

  /** Acts come in the order in which they were first seen. */
  add(server: string, act: string, outcome: 'stapled' | 'missed'): void {
    this.enter(server)
    const { stapled, all } = this.of(server, act)
    const one = outcome === 'stapled' ? 1 : 0
    this.#counts.get(server)?.set(act, { stapled: stapled + one, all: all + 1 })
  }

  /** Of one server, in one act or over all. */
  of(server: string, act?: string): Count {
    const acts = this.#counts.get(server) ?? new Map<string, Count>()
    return sum(act === undefined ? [...acts.values()] : [acts.get(act) ?? NONE])
  }

  get servers(): readonly string[] {
    return [...this.#counts.keys()]
  }

  get acts(): readonly string[] {
    return [...new Set([...this.#counts.values()].flatMap((counts) => [...counts.keys()]))]
  }

  get total(): Count {
    return sum(this.servers.map((server) => this.of(server)))
  }

  /** A row per server and a column per act, with sums. */
  table(): readonly (readonly string[])[] {
    const { acts } = this
    const rows = this.servers.map((server) => [
      server,
      ...acts.map((act) => formatCount(this.of(server, act))),
      formatCount(this.of(server)),
    ])
    const together = acts.map((act) => sum(this.servers.map((server) => this.of(server, act))))
    return [
      ['', ...acts, 'together'],
      ...rows,
      ['together', ...together.map(formatCount), formatCount(this.total)],
    ]
  }
}

/** `24/25`. */
export function formatCount({ stapled, all }: Count): string {
  return `${stapled}/${all}`
}

function sum(counts: readonly Count[]): Count {
  return counts.reduce(
    (total, { stapled, all }) => ({ stapled: total.stapled + stapled, all: total.all + all }),
    NONE,
  )
}

const NONE: Count = { stapled: 0, all: 0 }
