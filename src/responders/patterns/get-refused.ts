import { HOUR_MS } from '../../der/time.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import { byCertificate, isGood, type Pattern, spanOf } from './pattern.ts'
import { count, outcomesOf, partOf } from './wording.ts'

/** GET fails where POST works: switched off, or its path mangled on the way (boulder#798, #884). */
export const getRefused: Pattern = {
  name: 'get-refused',
  advice: 'tell the CA that the Baseline Requirements (4.9.10) oblige it to support GET',
  find: ({ all, recent }) => {
    const refused = refusedGets(recent)
    // A kept connection may be stuck to one failed backend for a while, which looks the same.
    if (spanOf(refused) < HOUR_MS) return undefined
    const certificates = byCertificate(refused)
    const about = recent.filter(({ certificate }) => certificates.has(certificate))
    const gets = about.filter(isGet)
    const posts = about.filter((attempt) => !isGet(attempt))
    const failed = partOf(refused.length, gets.length, 'GET request')
    const worked = partOf(posts.filter(isGood).length, posts.length, 'POST request')
    const failing = `${failed} about ${count(certificates.size, 'certificate')}`
    const withWhat = `fail with ${outcomesOf(refused)}`
    const evidence = `${failing} ${withWhat}, ${worked} about the same get a good answer`
    const isShown = (attempt: LoggedAttempt) =>
      certificates.has(attempt.certificate) && isGet(attempt) && isRefusal(attempt)
    return { evidence, shownBy: all.filter(isShown) }
  },
}

/**
 * The failed GET requests where it is the method that fails: nearly every GET and hardly a POST, or
 * always the same certificates, as where a double slash in the base64 is mangled. A failed backend
 * of six fails at random.
 */
export function refusedGets(attempts: readonly LoggedAttempt[]): readonly LoggedAttempt[] {
  const byPostOnly = [...byCertificate(attempts).values()].filter(worksByPostOnly)
  const repeated = byPostOnly
    .map((about) => about.filter(isAnsweredGet))
    .filter(isRepeated)
    .flat()
  const isMethod = isNearlyEvery(attempts)
  const isCertificate = repeated.length >= MANY && shareRefused(repeated) >= NEARLY_ALL
  if (!isMethod && !isCertificate) return []
  const failed = isMethod ? byPostOnly.flat().filter(isAnsweredGet) : repeated
  return failed.filter(isRefusal).toSorted((a, b) => a.at - b.at)
}

function isNearlyEvery(attempts: readonly LoggedAttempt[]): boolean {
  const gets = attempts.filter(isAnsweredGet)
  const posts = attempts.filter((attempt) => !isGet(attempt))
  if (gets.length < FEW || posts.length < FEW) return false
  return shareRefused(gets) >= NEARLY_ALL && shareRefused(posts) <= 1 - NEARLY_ALL
}

function worksByPostOnly(about: readonly LoggedAttempt[]): boolean {
  const worksByPost = about.some((attempt) => !isGet(attempt) && isGood(attempt))
  return worksByPost && about.some((attempt) => isGet(attempt) && isRefusal(attempt))
}

function isAnsweredGet(attempt: LoggedAttempt): boolean {
  const { statusCode } = attempt
  return isGet(attempt) && statusCode !== undefined && statusCode !== 429
}

function isGet({ method }: LoggedAttempt): boolean {
  return method === 'GET'
}

function isRepeated(gets: readonly LoggedAttempt[]): boolean {
  return gets.length > 1
}

function shareRefused(attempts: readonly LoggedAttempt[]): number {
  return attempts.filter(isRefusal).length / attempts.length
}

/** What can be said of a method or of a path that was mangled. */
function isRefusal({ outcome }: LoggedAttempt): boolean {
  if (outcome.startsWith('http-')) return !OVERLOAD.has(outcome)
  return REFUSALS.has(outcome)
}

const OVERLOAD = new Set(['http-429', 'http-502', 'http-503', 'http-504'])
const REFUSALS = new Set([
  ...['malformedRequest', 'internalError', 'unauthorized'],
  ...['body-empty', 'body-one-byte', 'body-is-text', 'response-malformed'],
])

const NEARLY_ALL = 0.8
const FEW = 3
/**
 * Of two backends a failed one refuses both GET requests about each of three certificates by
 * chance once in 27 times, of six once in 1,331.
 */
const MANY = 6
