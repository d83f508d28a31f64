import { rules } from '../../ocsp/rules/index.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import * as answers from './answers.ts'
import type { Pattern } from './pattern.ts'
import { lastProblem, outcomesOf, partOf } from './wording.ts'

/** Faults of answers that are too rare for a pattern of their own. */
export const otherFaultsInAnswers: Pattern = {
  name: 'other-faults-in-answers',
  advice: 'tell the CA what is wrong with its responses, by the meaning of each rule',
  find: ({ all, recent }) => {
    const shown = recent.filter(isOtherFault)
    // A body can be cut off or damaged on the way: one or two are odd ones.
    if (shown.length < 3) return undefined
    const requests = partOf(shown.length, recent.length, 'request')
    const faults = `${outcomesOf(shown)}${lastProblem(shown)}`
    const evidence = `${requests} return a response that clients refuse: ${faults}`
    return { evidence, shownBy: all.filter(isOtherFault) }
  },
}

function isOtherFault({ outcome, method }: LoggedAttempt): boolean {
  // To a GET it says that the URL was mangled on the way.
  return OTHER_FAULTS.has(outcome) || (outcome === 'malformedRequest' && method === 'POST')
}

/** What other patterns are about, and what is no fault of the CA. */
const ELSEWHERE = new Set([
  ...Object.values(answers).flatMap(({ outcomes }) => outcomes),
  ...['status-revoked', 'status-not-issued', 'status-unknown'],
  ...['response-status-not-successful', 'certificate-expired'],
])

const OTHER_FAULTS = new Set([
  ...rules.map(({ name }) => name).filter((name) => !ELSEWHERE.has(name)),
  ...['too-large', 'redirect', 'sigRequired'],
])
