import { type EpochMs, epochMs, HOUR_MS, iso, MINUTE_MS } from '../../der/time.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import { looksGone, SHUT_DOWN_AFTER } from '../shut-down.ts'
import { byOutcome, type OutcomePattern } from './by-outcome.ts'
import { byCertificate, isGood, type Pattern, runsOf, type SortedLog, spanOf } from './pattern.ts'
import { count, lasting, outcomesOf } from './wording.ts'

export const ocspShutDown: Pattern = {
  name: 'ocsp-shut-down',
  advice: 'ask the CA whether it has ended OCSP, and replace must-staple certificates',
  find: (log) => {
    const { run, since, lasted } = shutDown(log) ?? {}
    if (run === undefined || since === undefined || lasted === undefined) return undefined
    const requests = `any request since ${iso(since)}, for ${lasting(lasted)} now`
    const evidence = `no answer to ${requests}, the last ${run.length}: ${outcomesOf(run)}`
    return { evidence, shownBy: run, since }
  },
}

export const responderAway: Pattern = {
  name: 'responder-away',
  advice:
    'open the OCSP URL from another network: if it fails there too tell the CA, else see to your own',
  find: (log) => {
    if (shutDown(log) !== undefined) return undefined
    const outages = runsOf(log.all, isAway).filter((run) => isLong(run) && isAboutAll(run, log))
    const last = outages.at(-1)
    if (last === undefined) return undefined
    const requests = `${count(last.length, 'request')} ${period(last, log)}`
    const evidence = `no answer to any of ${requests}: ${outcomesOf(last)}`
    return { evidence, shownBy: outages.flat() }
  },
}

/** CA #4, which twice lost data. */
export const tryLaterStorm: Pattern = {
  name: 'try-later-storm',
  advice: 'tell the CA that its responder answers tryLater for so long that staples are in danger',
  find: (log) => {
    const storms = stormsOf(log)
    const shownBy = log.all.filter((each) => isTryLater(each) && storms.some(isDuring(each)))
    if (shownBy.length < LONG_REQUESTS) return undefined
    const certificates = count(byCertificate(shownBy).size, 'certificate')
    const longest = storms.reduce((most, storm) => Math.max(most, spanOf(storm)), 0)
    const requests = `${count(shownBy.length, 'request')} about ${certificates}`
    const long = `to one of them for ${lasting(longest)} without a good answer between`
    const evidence = `${outcomesOf(shownBy)} to ${requests}, ${long}`
    return { evidence, shownBy }
  },
}

export const rateLimited: OutcomePattern = byOutcome({
  name: 'rate-limited',
  advice: 'lower responders.ratePerSecond, or ask the CA for a higher limit',
  outcomes: ['http-429'],
  // One or two are a burst of ours that the fetcher has already slowed down.
  atLeast: 3,
  says: 'return HTTP 429 (Too Many Requests)',
})

/** Nothing but signs of a URL that has gone, up to now, for long. */
function shutDown(
  log: SortedLog,
): { readonly run: Run; readonly since: EpochMs; readonly lasted: number } | undefined {
  const { all, goneSince } = log
  const run = runsOf(all, isGone).at(-1) ?? []
  const [first, last] = [run[0], run.at(-1)]
  if (first === undefined || last === undefined || last !== all.at(-1)) return undefined
  // The log of a responder with many certificates goes back for minutes only.
  const since = epochMs(Math.min(goneSince ?? first.at, first.at))
  const lasted = last.at - since
  const isLasting = run.length >= LONG_REQUESTS && lasted > SHUT_DOWN_AFTER
  return isLasting && isAboutAll(run, log) ? { run, since, lasted } : undefined
}

type Run = readonly LoggedAttempt[]

/**
 * For each certificate, the stretches without a good answer between the first tryLater and the
 * last.
 */
function stormsOf({ all }: SortedLog): readonly Run[] {
  return [...byCertificate(all).values()]
    .flatMap((attempts) => runsOf(attempts, (attempt) => !isGood(attempt)))
    .map((run) => run.filter(isTryLater))
    .filter((storm) => spanOf(storm) >= LONG)
}

/** Also of certificates that were asked about but once in it: of a CA with many, they are most. */
function isDuring({ at }: LoggedAttempt): (storm: Run) => boolean {
  return (storm) => at >= (storm[0]?.at ?? at) && at <= (storm.at(-1)?.at ?? at) + LONGEST_WAIT
}

function period(run: Run, { all }: SortedLog): string {
  const [first, last] = [run[0], run.at(-1)]
  if (first === undefined || last === undefined) return ''
  const from = iso(first.at)
  const duration = lasting(spanOf(run))
  if (last === all.at(-1)) return `since ${from}, for ${duration} now`
  return `from ${from} to ${iso(last.at)}, for ${duration}`
}

function isLong(run: Run): boolean {
  return run.length >= AWAY_REQUESTS && spanOf(run) >= LONG
}

/**
 * Not only what the responder says of one or two certificates, which are asked about again and
 * again.
 */
function isAboutAll(run: Run, { all }: SortedLog): boolean {
  if (run.some(({ statusCode }) => statusCode === undefined || statusCode >= 500)) return true
  return byCertificate(run).size >= Math.min(3, byCertificate(all).size)
}

function isAway({ outcome }: LoggedAttempt): boolean {
  return UNREACHABLE.has(outcome) || (outcome.startsWith('http-') && outcome !== 'http-429')
}

function isGone({ outcome }: LoggedAttempt): boolean {
  return looksGone(outcome)
}

function isTryLater({ outcome }: LoggedAttempt): boolean {
  return outcome === 'tryLater' || outcome === 'internalError'
}

const UNREACHABLE = new Set(['dns', 'connect', 'timeout', 'protocol'])
/** A restart or a failover of the CA takes minutes; it is asked again within them. */
const LONG = 10 * MINUTE_MS
/** A certificate is asked about again within an hour. */
const LONGEST_WAIT = HOUR_MS
/** Two fetches with their repeats at once, at least. */
const LONG_REQUESTS = 5
/** Of two backends with a failed one as many fail in a row once in a thousand times. */
const AWAY_REQUESTS = 10
