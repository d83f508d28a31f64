import { DAY_MS, HOUR_MS, iso, MINUTE_MS } from '../../der/time.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import { oneFailedBackend } from './backends.ts'
import { byCertificate, isGood, type Pattern, runsOf, type SortedLog, spanOf } from './pattern.ts'
import { count, lasting, lastProblem, listOf, outcomesOf, partOf } from './wording.ts'

/** CA #5. */
export const slowToKnowNewCertificates: Pattern = {
  name: 'slow-to-know-new-certificates',
  advice:
    'wait for the staple before a new certificate goes live; tell a public CA that 15 minutes are allowed',
  find: ({ all }) => {
    const young = [...byCertificate(all).values()].filter((about) => about.some(isYoung))
    const waits = young.map(waitOf).filter(isSlow)
    const refused = waits.flatMap((each) => each.refused).toSorted((a, b) => a.at - b.at)
    if (refused.length === 0) return undefined
    const ended = waits.filter(({ end }) => end === 'known').map(({ wait }) => wait)
    const waiting = waits.filter(({ end }) => end === 'waiting').map(({ wait }) => wait)
    const clauses = [
      ...(ended.length > 0 ? [`${ended.length} got an answer ${range(ended)} later`] : []),
      ...(waiting.length > 0 ? [`${waiting.length} had none after ${range(waiting)}`] : []),
    ]
    const certificates = partOf(waits.length, young.length, 'new certificate')
    const first = `were not known at the first request (${outcomesOf(refused)})`
    const evidence = `${certificates} ${first}: ${listOf(clauses)}`
    return { evidence, shownBy: refused }
  },
}

export const unauthorizedForAll: Pattern = {
  name: 'unauthorized-for-all',
  advice: 'tell the CA that its responder does not know its own certificates, or an issuer of them',
  find: (log) => {
    const run = unauthorizedRun(log)
    const [first] = run
    if (first === undefined) return undefined
    const certificates = count(byCertificate(run).size, 'certificate')
    const requests = `all ${count(run.length, 'request')} about ${certificates} older than a day`
    const since = `since ${iso(first.at)}, for ${lasting(spanOf(run))}`
    const evidence = `${requests} are refused ${since}: ${outcomesOf(run)}`
    return { evidence, shownBy: run }
  },
}

/** Of some issued certificates only (bugzilla 1773556, 1957140). */
export const certificatesNotKnown: Pattern = {
  name: 'certificates-not-known',
  advice: 'tell the CA which certificates its responder does not know; check that they are its own',
  find: (log) => {
    if (unauthorizedRun(log).length > 0) return undefined
    // Of two backends a failed one refuses some certificates several times by chance.
    if (oneFailedBackend.find(log) !== undefined) return undefined
    const aged = log.recent.filter(isAged)
    const groups = byCertificate(aged)
    const unknown = [...groups.values()].filter(isSteadilyRefused)
    const refused = unknown.flat().toSorted((a, b) => a.at - b.at)
    if (refused.length === 0 || !aged.some(isGood)) return undefined
    const certificates = partOf(unknown.length, groups.size, 'certificate')
    const long = `are refused for ${lasting(spanOf(refused))} while others get good answers`
    const evidence = `${certificates} older than a day ${long}: ${outcomesOf(refused)}`
    const isShown = ({ certificate }: LoggedAttempt) =>
      unknown.some(([first]) => first?.certificate === certificate)
    return { evidence, shownBy: log.all.filter((each) => isShown(each) && isNotKnown(each)) }
  },
}

export const revokedAnswers: Pattern = {
  name: 'revoked-answers',
  advice:
    'replace these certificates; where other answers still say good, have the CA say which is true',
  find: ({ all, recent }) => {
    const shown = recent.filter(isRevoked)
    // One alone may be of one bad backend; the fetcher asks for a second at once.
    if (shown.length < 2) return undefined
    const certificates = byCertificate(shown)
    const requests = partOf(shown.length, recent.length, 'request')
    const said = `${requests} say revoked, about ${count(certificates.size, 'certificate')}`
    const mixed = [...byCertificate(recent).values()].filter(isMixed).length
    const doubt = mixed > 0 ? `, of ${mixed} of which later answers say good` : ''
    return { evidence: `${said}${doubt}${lastProblem(shown)}`, shownBy: all.filter(isRevoked) }
  },
}

interface Wait {
  readonly refused: readonly LoggedAttempt[]
  /** From the first request that was refused, in milliseconds. */
  readonly wait: number
  readonly end: 'known' | 'waiting'
}

function waitOf(about: readonly LoggedAttempt[]): Wait {
  const known = about.findIndex(isGood)
  const before = known === -1 ? about : about.slice(0, known)
  const refused = before.filter((attempt) => isYoung(attempt) && isNotKnown(attempt))
  const until = (known === -1 ? undefined : about[known]) ?? refused.at(-1)
  const wait = (until?.at ?? 0) - (refused[0]?.at ?? 0)
  return { refused, wait, end: known === -1 ? 'waiting' : 'known' }
}

function isSlow({ refused, wait }: Wait): boolean {
  return refused.length > 1 && wait > SLOW && !isAllNotFound(refused)
}

/** 404 alone says that there is no responder rather than that it does not know. */
function isAllNotFound(refused: readonly LoggedAttempt[]): boolean {
  return refused.every(({ outcome }) => outcome === 'http-404')
}

function range(durations: readonly number[]): string {
  const sorted = durations.toSorted((a, b) => a - b)
  const [from, to] = [lasting(sorted[0] ?? 0), lasting(sorted.at(-1) ?? 0)]
  return from === to ? to : `${from} to ${to}`
}

/**
 * The newest answers about certificates that are not new, where they all are refusals; empty where
 * that says too little.
 */
function unauthorizedRun({ all, recent }: SortedLog): readonly LoggedAttempt[] {
  const answered = all.filter((each) => isAged(each) && (isGood(each) || isNotKnown(each)))
  const run = runsOf(answered, isNotKnown).at(-1) ?? []
  if (run.at(-1) !== answered.at(-1) || run.length < FEW || spanOf(run) < HOUR_MS) return []
  if (isAllNotFound(run)) return []
  const asked = byCertificate(recent.filter(isAged)).size
  // The certificates that fail are asked about more often than the others: a few of them are not
  // all.
  return byCertificate(run).size >= Math.min(FEW, asked) ? run : []
}

function isSteadilyRefused(about: readonly LoggedAttempt[]): boolean {
  const refused = about.filter(isNotKnown)
  return !about.some(isGood) && refused.length >= FEW && spanOf(refused) >= HOUR_MS
}

function isMixed(about: readonly LoggedAttempt[]): boolean {
  const first = about.findIndex(isRevoked)
  return first !== -1 && about.slice(first).some(isGood)
}

function isYoung({ certificateAge }: LoggedAttempt): boolean {
  return certificateAge < DAY_MS
}

function isAged(attempt: LoggedAttempt): boolean {
  return !isYoung(attempt)
}

function isNotKnown(attempt: LoggedAttempt): boolean {
  const { outcome } = attempt
  return NOT_KNOWN.has(outcome) || (outcome === 'status-not-issued' && isYoung(attempt))
}

function isRevoked(attempt: LoggedAttempt): boolean {
  const { outcome } = attempt
  return outcome === 'status-revoked' || (outcome === 'status-not-issued' && isAged(attempt))
}

/** CAs have 15 minutes from issuance; the first request comes some minutes after it. */
const SLOW = 5 * MINUTE_MS
/** A fetch makes as many requests at once; more than one fetch is needed to last an hour. */
const FEW = 3

const NOT_KNOWN = new Set(['unauthorized', 'status-unknown', 'http-404'])
