import { DAY_MS, durationMs, type EpochMs, epochMs, HOUR_MS, plus } from '../../der/time.ts'
import type { LoggedAttempt } from '../attempt-log.ts'

export const start: EpochMs = epochMs(Date.UTC(2026, 10, 1))

/**
 * A good answer, of a period that began at the last midnight and lasts a week, unless said
 * otherwise.
 */
export function attempt(at: EpochMs, options: Partial<LoggedAttempt> = {}): LoggedAttempt {
  const { outcome = 'newer' } = options
  const isGood = outcome === 'newer' || outcome === 'unchanged'
  const thisUpdate = isGood ? epochMs(at - (at % DAY_MS)) : undefined
  return {
    responder: 'http://ocsp.example',
    certificate: 'a',
    certificateAge: durationMs(30 * DAY_MS),
    at,
    elapsed: durationMs(80),
    method: 'GET',
    connection: 'kept',
    remoteAddress: '203.0.113.1',
    statusCode: statusOf(outcome),
    outcome,
    problem: undefined,
    thisUpdate,
    nextUpdate: thisUpdate && plus(thisUpdate, 7 * DAY_MS),
    ...options,
  }
}

/**
 * So many attempts, one every hour unless said otherwise, each as `describe` says by its number.
 */
export function series(
  length: number,
  describe: (number: number) => Partial<LoggedAttempt> = () => ({}),
  options: { readonly from?: EpochMs; readonly every?: number } = {},
): LoggedAttempt[] {
  const { from = start, every = HOUR_MS } = options
  return Array.from({ length }, (_, i) => attempt(plus(from, i * every), describe(i)))
}

/**
 * The failure, and what a fetch does a second later: the same certificate by POST over a fresh
 * connection.
 */
export function repeated(
  failed: LoggedAttempt,
  then: Partial<LoggedAttempt> = {},
): LoggedAttempt[] {
  const { certificate, certificateAge, at } = failed
  const again = { certificate, certificateAge, method: 'POST', connection: 'fresh' } as const
  return [failed, attempt(plus(at, 1000), { ...again, ...then })]
}

function statusOf(outcome: string): number | undefined {
  if (['dns', 'connect', 'timeout', 'protocol'].includes(outcome)) return undefined
  return outcome.startsWith('http-') ? Number(outcome.slice('http-'.length)) : 200
}
