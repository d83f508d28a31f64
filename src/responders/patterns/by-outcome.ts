import type { LoggedAttempt } from '../attempt-log.ts'
import type { Pattern } from './pattern.ts'
import { addressList, lastProblem, partOf } from './wording.ts'

/** A pattern that each attempt shows by its outcome alone. */
export interface OutcomePattern extends Pattern {
  readonly outcomes: readonly string[]
}

/** The pattern that so many requests of the newest stretch have one of these outcomes. */
export function byOutcome(pattern: {
  readonly name: string
  readonly advice: string
  readonly outcomes: readonly string[]
  /** Fewer in the newest stretch are an odd failure. */
  readonly atLeast: number
  /** What follows `3 of 10 requests`. */
  readonly says: string
}): OutcomePattern {
  const { name, advice, outcomes, atLeast, says } = pattern
  const isShown = ({ outcome }: LoggedAttempt) => outcomes.includes(outcome)
  return {
    name,
    advice,
    outcomes,
    find: ({ all, recent }) => {
      const shown = recent.filter(isShown)
      if (shown.length < atLeast) return undefined
      const requests = partOf(shown.length, recent.length, 'request')
      const evidence = `${requests} ${says}${onlyAt(shown, recent)}${lastProblem(shown)}`
      return { evidence, shownBy: all.filter(isShown) }
    },
  }
}

/** Says so where all that is shown comes from some of the addresses only. */
function onlyAt(shown: readonly LoggedAttempt[], recent: readonly LoggedAttempt[]): string {
  const all = addressesOf(recent)
  const bad = addressesOf(shown)
  const isAttributed = shown.every(({ remoteAddress }) => remoteAddress !== undefined)
  if (!isAttributed || bad.length === 0 || bad.length === all.length) return ''
  return `, all from ${addressList(bad)} (${bad.length} of ${all.length} addresses)`
}

function addressesOf(attempts: readonly LoggedAttempt[]): readonly string[] {
  return [...new Set(attempts.flatMap(({ remoteAddress }) => remoteAddress ?? []))]
}
