import type { Answers } from './answers.ts'
import type { Tenures } from './tenures.ts'

/**
 * For how long one certificate, from `since` on, has no staple although nobody could do better, in milliseconds. The oracle
 * holds every answer from the moment on at which it can be had: it knows when that is, and exchanges take it no time. So it holds
 * a usable staple whenever anybody can.
 */
export function oracleGap(
  row: number,
  since: number,
  { answers, tenures }: { readonly answers: Answers; readonly tenures: Tenures },
): number {
  const to = tenures.to[row] ?? 0
  const first = tenures.first[row] ?? 0
  let moment = tenures.from[row] ?? 0
  let until = since
  let gap = 0
  while (moment < to) {
    moment = answers.untroubledFrom(row, moment)
    if (moment >= to) break
    // Between troubles there is no gap where periods overlap: only the last moment before the next one counts.
    const trouble = answers.isOverlapping ? answers.nextTroubleAt(row, moment) : moment
    const answer = answers.newestAt(row, moment)
    if (answer >= first) {
      gap += Math.max(0, moment - until)
      const last = trouble > moment ? answers.newestAt(row, Math.min(trouble, to)) : answer
      until = Math.max(until, moment, answers.usableUntil(row, last))
      if (trouble >= to) break
      moment = Math.max(moment, Math.min(trouble, to))
      moment = Math.max(moment, answers.availableAt(row, last + 1))
    } else moment = Math.max(moment, answers.availableAt(row, Math.max(answer + 1, first)))
  }
  return gap + Math.max(0, to - until)
}
