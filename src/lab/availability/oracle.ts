import type { Answers } from './answers.ts'
import type { Tenures } from './tenures.ts'

/** How long one certificate has no staple although nobody could do better, in milliseconds. */
export interface OracleGaps {
  readonly all: number
  /** From the moment `since` on. */
  readonly sinceFirst: number
}

/**
 * The oracle knows when each answer comes and when the responder is well, asks at that moment, and gets it after the shortest time that an exchange
 * takes. Nobody who fetches over the network can hold a staple when it does not.
 */
export function oracleGaps(
  row: number,
  { answers, tenures }: { readonly answers: Answers; readonly tenures: Tenures },
  { since, latency }: { readonly since: number; readonly latency: number },
): OracleGaps {
  const from = tenures.from[row] ?? 0
  const to = tenures.to[row] ?? 0
  let all = 0
  let sinceFirst = 0
  let until = from
  let moment = from
  while (until < to && moment < to) {
    moment = answers.untroubledFrom(row, moment)
    const answer = answers.newestAt(row, moment)
    const held = moment + latency
    if (answer >= (tenures.first[row] ?? 0)) {
      const end = Math.min(held, to)
      if (end > until) {
        all += end - until
        sinceFirst += Math.max(0, end - Math.max(until, since))
      }
      until = Math.max(until, held, answers.thisUpdate(row, answer) + answers.usableLife)
    }
    const next = Math.max(answer + 1, tenures.first[row] ?? 0)
    moment = Math.max(moment, answers.availableAt(row, next))
  }
  const rest = Math.max(0, to - until)
  return { all: all + rest, sinceFirst: sinceFirst + Math.max(0, to - Math.max(until, since)) }
}
