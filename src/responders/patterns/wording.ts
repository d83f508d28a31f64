import { durationMs } from '../../der/time.ts'
import { formatDuration } from '../../time/duration.ts'
import type { LoggedAttempt } from '../attempt-log.ts'

/** A number of things: `1 request`, `3 addresses`. */
export function count(number: number, noun: string): string {
  const plural = noun.endsWith('s') ? `${noun}es` : `${noun}s`
  return `${number} ${number === 1 ? noun : plural}`
}

/** A part of things: `3 of 10 requests`. */
export function partOf(part: number, whole: number, noun: string): string {
  return `${part} of ${count(whole, noun)}`
}

/**
 * What came of failed attempts, the most frequent first: `HTTP 404`, `timeout (3) and connect
 * (1)`.
 */
export function outcomesOf(attempts: readonly LoggedAttempt[]): string {
  const counted = [...Map.groupBy(attempts, ({ outcome }) => outcome)]
    .map(([outcome, { length }]) => ({ outcome: spellOutcome(outcome), length }))
    .toSorted((a, b) => b.length - a.length || (a.outcome < b.outcome ? -1 : 1))
  if (counted.length === 1) return counted[0]?.outcome ?? ''
  const shown = counted.slice(0, MOST_LISTED)
  const rest = counted.slice(MOST_LISTED).reduce((sum, { length }) => sum + length, 0)
  const parts = shown.map(({ outcome, length }) => `${outcome} (${length})`)
  return listOf(rest === 0 ? parts : [...parts, `others (${rest})`])
}

/** The newest problem in its own words, as the end of a sentence; empty where there is none. */
export function lastProblem(attempts: readonly LoggedAttempt[]): string {
  const problem = attempts.findLast((attempt) => attempt.problem !== undefined)?.problem
  return problem === undefined ? '' : `, the last: ${problem.slice(0, LONGEST_PROBLEM)}`
}

/** `a`, `a and b`, `a, b and c`. */
export function listOf(words: readonly string[]): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** A length of time: `3d 4h`. */
export function lasting(ms: number): string {
  return formatDuration(durationMs(ms))
}

/** The addresses that answered, as often as they are listed in full. */
export function addressList(addresses: readonly string[]): string {
  if (addresses.length <= MOST_LISTED) return listOf(addresses.toSorted())
  return count(addresses.length, 'address')
}

function spellOutcome(outcome: string): string {
  if (outcome.startsWith('http-')) return `HTTP ${outcome.slice('http-'.length)}`
  return spelling.get(outcome) ?? outcome
}

const spelling = new Map([
  ['dns', 'name not resolved'],
  ['connect', 'no connection'],
  ['protocol', 'broken exchange'],
])
/** In characters: a responder can steer a part of it. */
const LONGEST_PROBLEM = 300
/** More than three make no sentence. */
const MOST_LISTED = 3
