/** What is counted of the handshakes with one server in one act. */
export interface Count {
  readonly stapled: number
  readonly all: number
}

/** Where the staples of a server come from: from us, or it fetches them by itself. */
export type Feed = 'everstaple' | 'itself'

/** Counts handshakes, and how many of them carried an acceptable staple, by server and act. */
export class Tally {
  readonly #counts = new Map<string, Map<string, Count>>()
  readonly #feeds = new Map<string, Feed>()

  /** Servers come in the order in which they entered. */
  enter(server: string, feed: Feed): void {
    if (this.#counts.has(server)) return
    this.#counts.set(server, new Map())
    this.#feeds.set(server, feed)
  }

  /** Acts come in the order in which they were first seen. Of a server that has entered. */
  add(server: string, act: string, outcome: 'stapled' | 'missed'): void {
    const { stapled, all } = this.of(server, act)
    const one = outcome === 'stapled' ? 1 : 0
    this.#counts.get(server)?.set(act, { stapled: stapled + one, all: all + 1 })
  }

  /** Of one server, in one act or over all. */
  of(server: string, act?: string): Count {
    const acts = this.#counts.get(server) ?? new Map<string, Count>()
    return sum(act === undefined ? [...acts.values()] : [acts.get(act) ?? NONE])
  }

  /** All of them, or those with one kind of feed. */
  servers(feed?: Feed): readonly string[] {
    const all = [...this.#counts.keys()]
    return feed === undefined ? all : all.filter((server) => this.#feeds.get(server) === feed)
  }

  get acts(): readonly string[] {
    return [...new Set([...this.#counts.values()].flatMap((counts) => [...counts.keys()]))]
  }

  /** Over all servers with one kind of feed, in one act or over all. */
  total(feed: Feed, act?: string): Count {
    return sum(this.servers(feed).map((server) => this.of(server, act)))
  }

  /** A row per server and a column per act, with sums; those left to themselves come last. */
  table(): readonly (readonly string[])[] {
    const row = (name: string, count: (act?: string) => Count) => [
      name,
      ...this.acts.map((act) => formatCount(count(act))),
      formatCount(count()),
      formatShare(count()),
    ]
    const rows = (feed: Feed) =>
      this.servers(feed).map((server) => row(server, (act) => this.of(server, act)))
    return [
      ['', ...this.acts, 'together', ''],
      ...rows('everstaple'),
      row('with everstaple', (act) => this.total('everstaple', act)),
      ...rows('itself'),
    ]
  }
}

/** `24/25`. */
export function formatCount({ stapled, all }: Count): string {
  return `${stapled}/${all}`
}

/** `96.0 %`; 100 % only where not one is missing. */
export function formatShare({ stapled, all }: Count): string {
  if (stapled === all) return all === 0 ? '-' : '100 %'
  return `${(Math.floor((stapled / all) * 1_000) / 10).toFixed(1)} %`
}

function sum(counts: readonly Count[]): Count {
  return counts.reduce(
    (total, { stapled, all }) => ({ stapled: total.stapled + stapled, all: total.all + all }),
    NONE,
  )
}

const NONE: Count = { stapled: 0, all: 0 }
