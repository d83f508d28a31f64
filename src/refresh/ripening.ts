import { durationMs, MINUTE_MS, plus } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { FetchOutcome } from '../responders/fetch-staple.ts'
import type { Clock } from '../time/clock.ts'
import type { IssuedCertificate } from '../x509/issued-certificate.ts'

/**
 * The outcome, but a response with no fault but that it begins within a minute is waited for: a CA whose clock is a little ahead, and that
 * signs for each request, has no other. Ended by `signal` it stays as it was. Never rejects.
 */
export async function ripened(
  outcome: FetchOutcome,
  subject: IssuedCertificate,
  so: { readonly clock: Clock; readonly policy: Policy; readonly signal: AbortSignal },
): Promise<FetchOutcome> {
  if (outcome.kind !== 'failed' || outcome.failure.kind !== 'rejected') return outcome
  const { clock, policy, signal } = so
  const { received: response, findings } = outcome.failure
  const faults = findings.filter(({ level }) => level === 'reject')
  if (!faults.every(({ rule }) => rule === 'this-update-in-future')) return outcome
  const judgedAt = (now = clock.now()) => judge({ response, ...subject, policy, now })
  const soon = judgedAt(plus(clock.now(), LONGEST))
  if (!soon.accepted) return outcome
  await clock.sleep(durationMs(Math.max(0, soon.staple.thisUpdate - clock.now())), signal)
  const verdict = judgedAt()
  const from = outcome.attempts.findLast(({ outcome }) => outcome === 'this-update-in-future')
  if (!verdict.accepted || from === undefined) return outcome
  const { staple } = verdict
  const { attempts } = outcome
  return { kind: 'staple', ...{ staple, findings, attempts }, url: from.url, freshUntil: undefined }
}

/** Beside a fetch, well within the lease of a claim. */
const LONGEST = MINUTE_MS
