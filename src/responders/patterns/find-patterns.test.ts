import { describe, expect, it, test } from 'vitest'
import { DAY_MS, durationMs, HOUR_MS, MINUTE_MS, plus } from '../../der/time.ts'
import { rules } from '../../ocsp/rules/index.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import { type Habits, unknownHabits } from '../cadence.ts'
import { attempt, repeated, series, start } from './_log.ts'
import * as answers from './answers.ts'
import { findPatterns, patterns } from './find-patterns.ts'

describe('findPatterns() has no finding', () => {
  const certificates = ['a', 'b', 'c', 'd']
  const odd = (outcome: string) =>
    series(60, (i) => ({
      certificate: certificates[i % 4] ?? 'a',
      ...(i === 40 && { outcome }),
    }))
  const outcomes = ['http-404', 'http-503', 'timeout', 'dns', 'tryLater', 'unauthorized']
  const oddAnswers = ['body-is-text', 'body-empty', 'signature-invalid', 'status-revoked']
  test.each([
    ['nothing', []],
    ['good answers only', series(50)],
    ...[...outcomes, ...oddAnswers, 'http-429', 'next-update-passed'].map(
      (outcome): [string, LoggedAttempt[]] => [`an odd ${outcome}`, odd(outcome)],
    ),
    ['an outage of eight minutes', [...series(20), ...away(9, 30)]],
    [
      'a bad moment of a second, at the newest end',
      [...series(60), ...backends(12, 2, { every: 50, from: plus(start, 70 * HOUR_MS) })],
    ],
    [
      'a new certificate that is known after four minutes',
      newcomer('n', [0, MINUTE_MS, 4 * MINUTE_MS]),
    ],
    [
      'an older answer from a cache, twelve hours into the new period',
      [
        ...periodsOf(20),
        attempt(plus(start, 20 * DAY_MS), { ...periodFrom(plus(start, 16 * DAY_MS)) }),
      ],
    ],
    ['our own refusals', series(30, () => ({ outcome: 'refused', statusCode: undefined }))],
    ['certificates that have expired', series(30, () => ({ outcome: 'certificate-expired' }))],
  ] as [string, LoggedAttempt[]][])('in %s', (_, attempts) => {
    expect(found(attempts)).toEqual({})
  })
})

describe('findPatterns() says of the six sick CAs', () => {
  it('that periods barely overlap', () => {
    const habits = habitsOf({ validity: HOUR_MS, renewal: HOUR_MS, lag: 0 })
    expect(found(series(5), habits)).toEqual({
      'periods-barely-overlap':
        'responses are valid for 1h and a newer one can be had 1h after the thisUpdate of the former: they overlap by 0ms',
    })
  })
  it('that another signature algorithm is named', () => {
    const problem =
      'signature-algorithm-mismatch: saw signatureAlgorithm claims sha256WithRSAEncryption, but the signature verifies as sha1WithRSAEncryption, required the algorithm that was used'
    const outcome = 'signature-algorithm-mismatch'
    const attempts = series(10, (i) => (i > 6 ? { outcome, problem } : {}))
    expect(found(attempts)).toEqual({
      'signature-algorithm-mismatch': `3 of 10 requests return a response that names another signature algorithm than it is signed with, the last: ${problem}`,
    })
  })
  it('that integers are not minimal', () => {
    const attempts = series(10, (i) => (i % 5 === 0 ? { outcome: 'non-minimal-integer' } : {}))
    expect(found(attempts)).toEqual({
      'integers-not-minimal':
        '2 of 10 requests return a response with an INTEGER that is not minimally encoded',
    })
  })
  it('that one address of three has failed', () => {
    const attempts = series(25, (i) => ({
      certificate: `c${i}`,
      remoteAddress: `203.0.113.${i % 5 === 0 ? 7 : 8 + (i % 2)}`,
      ...(i % 5 === 0 && { outcome: 'http-404' }),
    })).flatMap((each) =>
      each.outcome === 'newer' ? [each] : repeated(each, { remoteAddress: '203.0.113.8' }),
    )
    expect(found(attempts)).toEqual({
      'one-failed-backend':
        '5 of 5 requests to 203.0.113.7 fail with HTTP 404, of the 21 to 2 other addresses none: one failed backend',
    })
  })
  it('that one of six backends behind a load balancer has failed', () => {
    expect(found(backends(60, 6))).toEqual({
      'one-failed-backend':
        '17 % of requests (12 of 72) fail with HTTP 404 and succeed at once over another connection: about one of 6 backends has failed',
    })
  })
  it('that tryLater lasts', () => {
    const certificates = ['a', 'b']
    const attempts = series(12, (i) => ({
      certificate: certificates[i % 2] ?? 'a',
      outcome: i < 2 ? 'newer' : 'tryLater',
    }))
    expect(found(attempts)).toEqual({
      'try-later-storm':
        'tryLater to 10 requests about 2 certificates, to one of them for 8h without a good answer between',
    })
  })
  it('that new certificates are known late', () => {
    const attempts = [
      ...newcomer('m', [0, MINUTE_MS]),
      ...newcomer('n', [0, 10 * MINUTE_MS, 40 * MINUTE_MS]),
      ...newcomer('o', [MINUTE_MS, 20 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS]),
    ]
    expect(found(attempts)).toEqual({
      'slow-to-know-new-certificates':
        '2 of 3 new certificates were not known at the first request (unauthorized): 2 got an answer 40m to 1h 59m later',
    })
  })
})

describe('findPatterns() says', () => {
  it.each([
    [
      3,
      '5 of 30 requests to 203.0.113.0 fail with HTTP 404, of the 49 to 2 other addresses none: one failed backend',
    ],
    [
      5,
      '5 of 30 requests to 203.0.113.0 fail with HTTP 404, of the 97 to 4 other addresses none: one failed backend',
    ],
  ])('which of %i addresses fails now and then, as one backend behind it does', (n, evidence) => {
    const attempts = series(
      30 * n,
      (i) => ({
        certificate: `c${i % 7}`,
        remoteAddress: `203.0.113.${i % n}`,
        ...(i % (6 * n) === 0 && { outcome: 'http-404' }),
      }),
      { every: MINUTE_MS },
    )
    expect(found(attempts)).toEqual({ 'one-failed-backend': evidence })
  })
  it('that the responder is away, and since when', () => {
    expect(found([...series(20), ...away(20, 30)])).toEqual({
      'responder-away':
        'no answer to any of 20 requests since 2026-11-02T06:00:00Z, for 19m now: no connection (10) and timeout (10)',
    })
    expect(found([...series(20), ...away(20, 30), ...series(9, undefined, hoursOn(40))])).toEqual({
      'responder-away':
        'no answer to any of 20 requests from 2026-11-02T06:00:00Z to 2026-11-02T06:19:00Z, for 19m: no connection (10) and timeout (10)',
    })
  })
  it('that requests are limited', () => {
    const attempts = series(10, (i) => (i % 3 === 0 ? { outcome: 'http-429' } : {}))
    expect(found(attempts)).toEqual({
      'rate-limited': '4 of 10 requests return HTTP 429 (Too Many Requests)',
    })
  })
  it('that GET is refused, not that every other backend has failed', () => {
    const attempts = series(6, (i) => ({ certificate: `c${i % 3}`, outcome: 'http-405' }))
    expect(found(attempts.flatMap((each) => repeated(each)))).toEqual({
      'get-refused':
        '6 of 6 GET requests about 3 certificates fail with HTTP 405, 6 of 6 POST requests about the same get a good answer',
    })
  })
  it('that GET is refused for some certificates, as where a path is mangled', () => {
    const attempts = series(40, (i) => ({
      certificate: `c${i % 10}`,
      ...(i % 10 < 2 && { outcome: 'http-400' }),
    })).flatMap((each) => (each.outcome === 'newer' ? [each] : repeated(each)))
    expect(found(attempts)).toEqual({
      'get-refused':
        '8 of 8 GET requests about 2 certificates fail with HTTP 400, 8 of 8 POST requests about the same get a good answer',
    })
  })
  it('which address gives older answers', () => {
    const attempts = series(
      40,
      (i) => ({
        remoteAddress: i % 4 === 3 ? '203.0.113.9' : '203.0.113.1',
        ...(i % 4 === 3 && periodFrom(plus(start, -2 * DAY_MS))),
      }),
      everyHours(0, 1),
    )
    expect(found(attempts)).toEqual({
      'stale-edge':
        '5 of 10 good answers from 203.0.113.9 are older than another about the same certificate, the oldest 3d 15h, of the 30 from 1 other address none',
    })
  })
  it('that answers are renewed late, by their age', () => {
    const attempts = series(7, () => ({ outcome: 'unchanged', ...periodFrom(start) }), daily)
    expect(found(attempts)).toEqual({
      'refreshed-late': '2 of 7 good answers are more than 4 days old, the oldest 6d',
    })
  })
  test.each([
    [{ validity: 7 * DAY_MS, renewal: 3.5 * DAY_MS, lag: HOUR_MS }, undefined],
    [
      { validity: 7 * DAY_MS, renewal: 5 * DAY_MS, lag: 0 },
      'a newer response can be had 5d after the thisUpdate of the former, where 4d is allowed for a validity of 7d',
    ],
    [{ validity: 12 * HOUR_MS, renewal: 6 * HOUR_MS, lag: 0 }, undefined],
    [
      { validity: 12 * HOUR_MS, renewal: 6 * HOUR_MS, lag: HOUR_MS },
      'a newer response can be had 7h after the thisUpdate of the former, where 6h is allowed for a validity of 12h',
    ],
  ])('whether answers are renewed late, by the habits %o', (habits, evidence) => {
    expect(found(series(5), habitsOf(habits))['refreshed-late']).toBe(evidence)
  })
  it('that habits seen once are none', () => {
    const once = { ...habitsOf({ validity: HOUR_MS, renewal: HOUR_MS, lag: 0 }), seen: 1 }
    expect(found(series(5), once)).toEqual({})
  })
  it('which address gives expired answers', () => {
    const attempts = series(12, (i) =>
      i % 4 === 0 ? { outcome: 'next-update-passed', remoteAddress: '203.0.113.9' } : {},
    )
    expect(found(attempts)).toEqual({
      'outdated-answers':
        '3 of 12 requests return a response that has expired or is too old for browsers, all from 203.0.113.9 (1 of 2 addresses)',
    })
  })
  it('that all certificates are refused', () => {
    const outcomes = ['unauthorized', 'http-404']
    const attempts = series(8, (i) => ({
      certificate: `c${i % 4}`,
      outcome: outcomes[i % 2] ?? '',
    }))
    expect(found(attempts)).toEqual({
      'unauthorized-for-all':
        'all 8 requests about 4 certificates older than a day are refused since 2026-11-01T00:00:00Z, for 7h: HTTP 404 (4) and unauthorized (4)',
    })
  })
  it('that some certificates are not known', () => {
    const attempts = series(40, (i) => ({
      certificate: `c${i % 10}`,
      ...(i % 10 === 3 && { outcome: 'http-404' }),
    }))
    expect(found(attempts)).toEqual({
      'certificates-not-known':
        '1 of 10 certificates older than a day are refused for 1d 6h while others get good answers: HTTP 404',
    })
  })
  it('that answers say revoked, and not all of them', () => {
    const attempts = series(12, (i) => ({
      certificate: `c${i % 4}`,
      ...((i === 3 || i === 4 || i === 8) && { outcome: 'status-revoked' }),
    }))
    expect(found(attempts)).toEqual({
      'revoked-answers':
        '3 of 12 requests say revoked, about 2 certificates, of 1 of which later answers say good',
    })
  })
  test.each([
    ['body-is-text', 'page-for-people'],
    ['body-one-byte', 'page-for-people'],
    ['this-update-in-future', 'clock-ahead'],
    ['this-update-too-old', 'outdated-answers'],
    ['cert-id-mismatch', 'wrong-certificate-answered'],
    ['cert-id-hash-not-sha1', 'sha256-cert-id'],
    ['signer-not-issued-by-issuer', 'signer-not-authorized'],
    ['signer-expired', 'signer-not-authorized'],
    ['next-update-missing', 'other-faults-in-answers'],
    ['extensions-empty', 'other-faults-in-answers'],
    ['single-responses-several', 'other-faults-in-answers'],
  ])('of answers with %s: %s', (outcome, pattern) => {
    const attempts = series(12, (i) => (i > 7 ? { outcome } : {}))
    expect(Object.keys(found(attempts))).toEqual([pattern])
  })
})

describe('what findPatterns() reports', () => {
  const limited = { outcome: 'http-429' }
  const past = series(4, () => limited)
  it('begins with the first attempt that shows it, and counts certificates', () => {
    const attempts = series(300, (i) => ({
      certificate: `c${i}`,
      ...((i === 2 || i > 296) && limited),
    }))
    expect(findPatterns({ attempts, habits: unknownHabits })).toMatchObject([
      {
        pattern: 'rate-limited',
        firstSeen: plus(start, 2 * HOUR_MS),
        lastSeen: plus(start, 299 * HOUR_MS),
        certificates: 4,
      },
    ])
  })
  test.each([
    ['among the last 100 attempts', series(96, undefined, hoursOn(100)), ['rate-limited']],
    ['in the last 24 hours', series(500, undefined, everyMinute(5)), ['rate-limited']],
    ['before both', series(100, undefined, hoursOn(100)), []],
  ])('is what shows %s', (_, later, names) => {
    expect(Object.keys(found([...past, ...later]))).toEqual(names)
  })
})

describe('the patterns', () => {
  it('have names of their own', () => {
    const names = patterns.map(({ name }) => name)
    expect([...new Set(names)]).toEqual(names)
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([])
  })
  it('name rules that there are', () => {
    const names = new Set(rules.map(({ name }) => name))
    const outcomes = Object.values(answers).flatMap((each) => each.outcomes)
    expect(outcomes.filter((outcome) => !names.has(outcome))).toEqual([])
  })
})

/** The evidence of each finding, by its name. */
function found(attempts: readonly LoggedAttempt[], habits = unknownHabits) {
  const findings = findPatterns({ attempts, habits })
  return Object.fromEntries(findings.map(({ pattern, evidence }) => [pattern, evidence]))
}

function habitsOf(known: { validity: number; renewal: number; lag: number }): Habits {
  const { validity, renewal, lag } = known
  return {
    validity: durationMs(validity),
    renewal: durationMs(renewal),
    lag: durationMs(lag),
    seen: 3,
  }
}

/** An outage from so many hours after the start, asked every minute. */
function away(length: number, hours: number): LoggedAttempt[] {
  const outcomes = ['timeout', 'connect']
  return series(length, (i) => ({ outcome: outcomes[i % 2] ?? '', remoteAddress: undefined }), {
    from: plus(start, hours * HOUR_MS),
    every: MINUTE_MS,
  })
}

/** Fetches of which every so-manieth request meets a failed backend and is repeated. */
function backends(
  fetches: number,
  number: number,
  when: Parameters<typeof series>[2] = {},
): LoggedAttempt[] {
  let request = 0
  return series(fetches, (i) => ({ certificate: `c${i % 7}` }), when).flatMap((each) => {
    if (request++ % number !== 0) return [each]
    request++
    return repeated(attempt(each.at, { ...each, outcome: 'http-404' }))
  })
}

/** A certificate that is refused at these times after its issuance, and known at the last. */
function newcomer(certificate: string, times: readonly number[]): LoggedAttempt[] {
  return times.map((time, i) =>
    attempt(plus(start, DAY_MS + time), {
      certificate,
      certificateAge: durationMs(time),
      outcome: i < times.length - 1 ? 'unauthorized' : 'newer',
    }),
  )
}

/** An answer a day, renewed every four days. */
function periodsOf(days: number): LoggedAttempt[] {
  return series(days, (i) => periodFrom(plus(start, (i - (i % 4)) * DAY_MS)), {
    from: plus(start, 12 * HOUR_MS),
    every: DAY_MS,
  })
}

function periodFrom(thisUpdate: LoggedAttempt['at']) {
  return { thisUpdate, nextUpdate: plus(thisUpdate, 7 * DAY_MS) }
}

function hoursOn(hours: number) {
  return { from: plus(start, hours * HOUR_MS) }
}

function everyHours(from: number, every: number) {
  return { from: plus(start, from * HOUR_MS), every: every * HOUR_MS }
}

function everyMinute(from: number) {
  return { from: plus(start, from * HOUR_MS), every: MINUTE_MS }
}

const daily = { every: DAY_MS }
