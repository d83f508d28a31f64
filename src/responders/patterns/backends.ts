import { DAY_MS, MINUTE_MS } from '../../der/time.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import { refusedGets } from './get-refused.ts'
import {
  byCertificate,
  isGood,
  type Pattern,
  type Sighting,
  type SortedLog,
  spanOf,
} from './pattern.ts'
import { addressList, count, outcomesOf, partOf } from './wording.ts'

/**
 * CA #4: one of several machines fails, seen by its address or, behind a load balancer, by its
 * share.
 */
export const oneFailedBackend: Pattern = {
  name: 'one-failed-backend',
  advice:
    'tell the CA that a part of its responders fails; until then each failure is repeated at once',
  find: (log) => byAddress(log) ?? byShare(log),
}

function byAddress({ all, recent }: SortedLog): Sighting | undefined {
  const groups = [...Map.groupBy(comparable(recent), ({ remoteAddress }) => remoteAddress)]
  const known = groups.filter(([address]) => address !== undefined)
  const bad = badOf(known)
  const others = known.filter((each) => !bad.includes(each))
  const asked = bad.flatMap(([, attempts]) => attempts)
  const failed = asked.filter(isBackendFailure)
  const askedElsewhere = others.flatMap(([, attempts]) => attempts).filter(during(failed))
  const addressCount = new Set(askedElsewhere.map((each) => each.remoteAddress)).size
  const failedElsewhere = askedElsewhere.filter(isBackendFailure).length
  if (bad.length === 0 || askedElsewhere.length < FEW) return undefined
  if (failedElsewhere > askedElsewhere.length * HARDLY) return undefined
  const addresses = bad.flatMap(([address]) => address ?? [])
  const requests = `${partOf(failed.length, asked.length, 'request')} to ${addressList(addresses)}`
  const there = `${requests} fail with ${outcomesOf(failed)}`
  const toOthers = `${askedElsewhere.length} to ${count(addressCount, 'other address')}`
  const which = bad.length === 1 ? 'one failed backend' : `${bad.length} failed backends`
  const isThere = (attempt: LoggedAttempt) =>
    addresses.includes(attempt.remoteAddress ?? '') && isBackendFailure(attempt)
  return {
    evidence: `${there}, of the ${toOthers} ${failedElsewhere || 'none'}: ${which}`,
    shownBy: all.filter(isThere),
  }
}

type Address = readonly [address: string | undefined, asked: readonly LoggedAttempt[]]

/** Those where most requests fail; where there is none, the one at which alone some do, all along. */
function badOf(addresses: readonly Address[]): readonly Address[] {
  const mostly = addresses.filter(([, asked]) => isBad(asked))
  if (mostly.length > 0) return mostly
  const partly = addresses.filter(([, asked]) => asked.some(isBackendFailure))
  const asked = partly.flatMap(([, attempts]) => attempts)
  const failed = asked.filter(isBackendFailure)
  const total = addresses.reduce((sum, [, attempts]) => sum + attempts.length, 0)
  const isByChance = (asked.length / total) ** failed.length > CHANCE
  return partly.length === 1 && !isByChance && isSpread(failed, asked) ? partly : []
}

function byShare({ all, recent }: SortedLog): Sighting | undefined {
  const asked = comparable(recent)
  const cured = curedAtOnce(asked)
  const [first] = cured
  if (first === undefined || !isSpread(cured, asked)) return undefined
  // From the first on, as the backend may have failed in the midst of the log.
  const since = asked.slice(asked.indexOf(first))
  const failed = since.filter(isBackendFailure)
  const share = failed.length / since.length
  if (share < LEAST_SHARE || share > MOST_SHARE || since.length < MANY) return undefined
  if (cured.length < failed.length / 2) return undefined
  const requests = `${Math.round(share * 100)} % of requests (${failed.length} of ${since.length})`
  const how = `fail with ${outcomesOf(failed)} and succeed at once over another connection`
  const evidence = `${requests} ${how}: about one of ${Math.round(1 / share)} backends has failed`
  return { evidence, shownBy: curedAtOnce(all) }
}

/**
 * What tells one backend from another: not what has another cause, as the method, the certificate
 * (unknown everywhere, or too new) or a limit on requests.
 */
function comparable(attempts: readonly LoggedAttempt[]): readonly LoggedAttempt[] {
  const byMethod = new Set(refusedGets(attempts))
  const unanswered = [...byCertificate(attempts)].filter(
    ([, about]) => about.length > 1 && !about.some(isGood),
  )
  const certificates = new Set(unanswered.map(([certificate]) => certificate))
  return attempts.filter(
    (attempt) =>
      !byMethod.has(attempt) &&
      !certificates.has(attempt.certificate) &&
      attempt.outcome !== 'http-429' &&
      !(NOT_KNOWN.has(attempt.outcome) && attempt.certificateAge < DAY_MS),
  )
}

/** The failures that the same fetch overcame over a new connection. */
function curedAtOnce(attempts: readonly LoggedAttempt[]): readonly LoggedAttempt[] {
  return [...byCertificate(attempts).values()]
    .flatMap((about) =>
      about.filter((failed, i) => {
        if (!isBackendFailure(failed)) return false
        const soon = (later: LoggedAttempt) => later.at - failed.at <= MINUTE_MS
        const next = about.slice(i + 1, i + 1 + REPEATS).filter(soon)
        return next.some((later) => later.connection === 'fresh' && isGood(later))
      }),
    )
    .toSorted((a, b) => a.at - b.at)
}

/**
 * A steady share is met in the older and in the newer half of what was asked since it began; a bad
 * moment is not.
 */
function isSpread(cured: readonly LoggedAttempt[], asked: readonly LoggedAttempt[]): boolean {
  const [first] = cured
  if (first === undefined || cured.length <= FEW) return false
  // A few within seconds are a bad moment; many, with good answers between, are not.
  if (spanOf(cured) < MINUTE_MS && cured.length < MANY / 2) return false
  const since = asked.slice(asked.indexOf(first))
  const newer = new Set(since.slice(Math.floor(since.length / 2)))
  return cured.some((failed) => newer.has(failed))
}

/** At other times others may have been the whole responder, and in order. */
function during(failed: readonly LoggedAttempt[]): (attempt: LoggedAttempt) => boolean {
  const times = failed.map(({ at }) => at).toSorted((a, b) => a - b)
  const [first = 0, last = 0] = [times[0], times.at(-1)]
  return ({ at }) => at >= first - MINUTE_MS && at <= last + MINUTE_MS
}

function isBad(asked: readonly LoggedAttempt[]): boolean {
  const failed = asked.filter(isBackendFailure).length
  return failed >= FEW && failed >= asked.length / 2
}

/** What a machine does that is out of order, whatever it is asked. */
function isBackendFailure({ outcome }: LoggedAttempt): boolean {
  return (outcome.startsWith('http-') && outcome !== 'http-429') || OUT_OF_ORDER.has(outcome)
}

const NOT_KNOWN = new Set(['unauthorized', 'status-unknown', 'status-not-issued', 'http-404'])
const OUT_OF_ORDER = new Set([
  ...['connect', 'timeout', 'protocol', 'too-large', 'redirect'],
  ...['tryLater', 'internalError', 'unauthorized', 'malformedRequest', 'status-unknown'],
  ...['body-empty', 'body-one-byte', 'body-is-text', 'response-malformed'],
  ...['response-bytes-missing', 'signature-invalid', 'next-update-not-after-this-update'],
])
/** Fewer failures are odd ones; a share wants one more. */
const FEW = 3
/** Fewer requests give no share worth naming. */
const MANY = 20
/** One of 20 backends; good responders fail less than one request in 100. */
const LEAST_SHARE = 0.05
/** More than half of the backends is no part of them any more. */
const MOST_SHARE = 0.6
/** That so many failures all come from one address, were they from any. */
const CHANCE = 0.01
/** What may fail elsewhere by chance. */
const HARDLY = 0.1
/** A fetch makes three requests to a URL at most. */
const REPEATS = 2
