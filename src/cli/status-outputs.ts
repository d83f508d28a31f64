import { iso } from '../der/time.ts'
import type { OutputState } from '../store/store.ts'

/** How an output stands, as `everstaple status --json` prints it. */
export interface OutputReport {
  readonly output: string
  readonly place: string
  readonly state: OutputState['state']
  readonly stapleSha256: string | null
  readonly problem: string | null
  /** ISO 8601. */
  readonly since: string
}

/** The state of an output as data for scripts. */
export function outputReport(state: OutputState): OutputReport {
  const { stapleSha256 = null, problem = null, since } = state
  return { ...state, stapleSha256, problem, since: iso(since) }
}

/** The state of an output in words: `live since …`, `withheld since …: nginx takes …`. */
export function describeOutputReport({ place, state, problem, since }: OutputReport): string {
  const because = problem === null ? '' : `: ${problem}`
  return `${place} ${state} since ${since}${because}`
}

/** What is wrong with the outputs of a certificate, in short; `undefined` where nothing is. */
export function outputTrouble(outputs: readonly OutputReport[]): string | undefined {
  const wrong = outputs.filter(({ state }) => state === 'failed' || state === 'withheld')
  const [first] = wrong
  if (first === undefined) return undefined
  const more = wrong.length > 1 ? `, and ${wrong.length - 1} more` : ''
  return `${first.place} ${first.state}: ${first.problem ?? 'for no known reason'}${more}`
}
