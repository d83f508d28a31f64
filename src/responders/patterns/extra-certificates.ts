import type { LoggedAttempt } from '../attempt-log.ts'
import { isGood, type Pattern } from './pattern.ts'
import { partOf } from './wording.ts'

/** CA #6: mended here, and a waste in every handshake of those who do not mend it. */
export const extraCertificates: Pattern = {
  name: 'extra-certificates',
  advice: 'tell the CA that only a delegated signer’s own certificate belongs into a response',
  find({ all, recent }) {
    const shown = recent.filter(isShown)
    const last = shown.at(-1)
    if (last === undefined || shown.length < FEWEST) return undefined
    const good = recent.filter(isGood).length
    const evidence = `${partOf(shown.length, good, 'good response')} carry certificates that no client needs, dropped here, the last: ${last.problem}`
    return { evidence, shownBy: all.filter(isShown) }
  },
}

function isShown(attempt: LoggedAttempt): boolean {
  const rule = attempt.problem?.split(':')[0] ?? ''
  return isGood(attempt) && RULES.has(rule)
}

const RULES: ReadonlySet<string> = new Set([
  'embedded-certificates-in-direct-response',
  'embedded-certificates-extra',
  'embedded-certificates-too-many',
  'signer-not-first',
])
/** One may come from a backend in the middle of a change. */
const FEWEST = 2
