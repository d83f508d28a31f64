import { DAY_MS, epochMs, HOUR_MS, MINUTE_MS, plus } from '../../der/time.ts'
import { saying, validFor } from './answers.ts'
import { oneBackendOf } from './combine.ts'
import { bugzilla, type Misbehaviour } from './misbehaviour.ts'

/** Periods of validity that are late, long, short, missing or the wrong way round. */
export const periods: readonly Misbehaviour[] = [
  {
    name: 'refreshed-late',
    number: 18,
    source: 'community.letsencrypt.org/t/134778',
    wire: 'the same bytes for six days of a validity of seven; five days old now',
    expected: 'diagnose',
    fault: saying(({ startedAt }) => ({
      thisUpdate: plus(startedAt, -5 * DAY_MS),
      nextUpdate: plus(startedAt, 2 * DAY_MS),
    })),
  },
  {
    name: 'validity-over-ten-days',
    number: 19,
    source: bugzilla(1878106, 'HARICA'),
    wire: 'nextUpdate 14 days after thisUpdate',
    expected: 'diagnose',
    fault: validFor(-HOUR_MS, 14 * DAY_MS - HOUR_MS),
  },
  {
    name: 'next-update-missing',
    number: 31,
    source: 'bugzilla.mozilla.org 1040072; mozilla/pkipolicy#21; xipki#92; mod_md#326',
    wire: 'no nextUpdate',
    expected: 'fatal',
    fault: saying(() => ({ nextUpdate: undefined })),
  },
  {
    name: 'this-update-in-future',
    number: 32,
    source: 'wiki.mozilla.org CA:TestErrors; bugzilla.mozilla.org 944783',
    wire: 'thisUpdate an hour ahead',
    expected: 'back-off',
    fault: validFor(HOUR_MS, 4 * DAY_MS),
  },
  {
    name: 'next-update-after-end-of-certificate',
    number: 36,
    source: 'caddy#7377',
    wire: 'nextUpdate four days ahead for a certificate that ends in two',
    expected: 'accept',
    fault: validFor(-HOUR_MS, 4 * DAY_MS),
    leaf: (now) => ({ notAfter: plus(now, 2 * DAY_MS) }),
  },
  {
    name: 'validity-of-five-minutes',
    number: 37,
    source: 'haproxy#2822; letsencrypt/boulder#326',
    wire: 'nextUpdate four minutes ahead, five minutes after thisUpdate',
    expected: 'diagnose',
    fault: validFor(-MINUTE_MS, 4 * MINUTE_MS),
  },
  {
    name: 'next-update-before-this-update',
    number: 38,
    source: 'dogtagpki#5015',
    wire: 'one backend of two: nextUpdate stands still, an hour before thisUpdate',
    expected: 'immediate',
    fault: oneBackendOf(2, validFor(-MINUTE_MS, -HOUR_MS)),
  },
  {
    name: 'expires-and-stays',
    number: 46,
    source: 'h2o#1102; caddy#6524',
    wire: 'the same response for ever, expired or not: its hour begins when the responder starts',
    expected: 'accept',
    fault: saying(({ startedAt }) => ({
      thisUpdate: epochMs(startedAt - (startedAt % 1_000)),
      nextUpdate: plus(startedAt, HOUR_MS),
    })),
  },
]
