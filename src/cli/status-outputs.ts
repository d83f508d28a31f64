import type { OutputReport } from '../serve/api/certificate-report.ts'

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
