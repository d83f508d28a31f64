import type { Handshake } from '../../../src/lab/handshake.ts'
import type { JudgedHandshake } from '../../../src/lab/judged-handshake.ts'

/** What clients counted with one server. */
export class ServerTally {
  readonly server: string
  stapled = 0
  /** Handshakes without an acceptable staple, by what was wrong. */
  readonly missed: Map<string, number> = new Map()
  /** Connections that came to no handshake, by what happened. */
  readonly unconnected: Map<string, number> = new Map()
  readonly #staples = new Set<string>()

  constructor(server: string) {
    this.server = server
  }

  get handshakes(): number {
    return this.stapled + sum(this.missed)
  }

  /** How many different staples came. */
  get staples(): number {
    return this.#staples.size
  }

  add(handshake: Handshake, judged: JudgedHandshake): void {
    if (handshake.kind === 'stapled') {
      this.#staples.add(Buffer.from(handshake.response).toString('base64'))
    }
    if (handshake.kind === 'failed') count(this.unconnected, handshake.problem)
    else if (judged.kind === 'missed') count(this.missed, judged.problem)
    else this.stapled += 1
  }
}

/** A row for each server, and for all of them. */
export function tallyRows(tallies: readonly ServerTally[]): readonly (readonly string[])[] {
  const total = (of: (tally: ServerTally) => number) =>
    tallies.reduce((all, tally) => all + of(tally), 0)
  const row = (
    name: string,
    [handshakes, stapled, ...more]: readonly [number, number, ...number[]],
  ) => [
    name,
    ...[handshakes, stapled].map(String),
    handshakes === 0 ? '-' : `${((stapled / handshakes) * 100).toFixed(3)} %`,
    ...more.map(String),
  ]
  const unconnected = (tally: ServerTally) => sum(tally.unconnected)
  return [
    ['', 'handshakes', 'stapled', 'share', 'different staples', 'no connection'],
    ...tallies.map((tally) =>
      row(tally.server, [tally.handshakes, tally.stapled, tally.staples, unconnected(tally)]),
    ),
    row('together', [total(({ handshakes }) => handshakes), total(({ stapled }) => stapled)]),
  ]
}

/** A line for each reason: `nginx: 3 times no staple`. */
export function reasonsOf({ server, missed, unconnected }: ServerTally): readonly string[] {
  return [...missed, ...unconnected].map(([reason, times]) => `${server}: ${times} times ${reason}`)
}

function count(counts: Map<string, number>, reason: string): void {
  counts.set(reason, (counts.get(reason) ?? 0) + 1)
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((all, each) => all + each, 0)
}
