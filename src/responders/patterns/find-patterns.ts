import { DAY_MS, type EpochMs } from '../../der/time.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import type { Habits } from '../cadence.ts'
import * as answers from './answers.ts'
import { oneFailedBackend } from './backends.ts'
import { extraCertificates } from './extra-certificates.ts'
import { getRefused } from './get-refused.ts'
import * as knowledge from './knowledge.ts'
import { otherFaultsInAnswers } from './other-faults.ts'
import * as outages from './outages.ts'
import { byCertificate, type Pattern, type SortedLog } from './pattern.ts'
import * as periods from './periods.ts'
import { staleEdge } from './stale-edge.ts'

/** One way in which a responder is sick, with what shows it, to be sent to the CA. */
export interface PatternFinding {
  /** Stable, kebab-case. */
  readonly pattern: string
  /** One sentence with figures. */
  readonly evidence: string
  /** What to tell the CA or to do, in one sentence. */
  readonly advice: string
  /** The first attempt in the log that shows it, and the last. */
  readonly firstSeen: EpochMs
  readonly lastSeen: EpochMs
  /** How many certificates are touched. */
  readonly certificates: number
}

/**
 * What is wrong with a responder, what helps most first; empty for one that is healthy, odd
 * failures included. Reported is what shows among the last 100 attempts or in the 24 hours before
 * the newest. Never throws.
 */
export function findPatterns(log: {
  /** Of one responder, oldest first. */
  readonly attempts: readonly LoggedAttempt[]
  readonly habits: Habits
  /** Since when nobody seems to answer OCSP there any more, if that is so. */
  readonly goneSince?: EpochMs | undefined
}): readonly PatternFinding[] {
  const sorted = sortedLog(log)
  const recent = new Set(sorted.recent)
  return patterns.flatMap(({ name, advice, find }) => {
    const { evidence, shownBy = [], since } = find(sorted) ?? {}
    const [first, last] = [shownBy[0], shownBy.at(-1)]
    if (evidence === undefined || first === undefined || last === undefined) return []
    if (!shownBy.some((attempt) => recent.has(attempt))) return []
    const certificates = byCertificate(shownBy).size
    const [firstSeen, lastSeen] = [since ?? first.at, last.at]
    return [{ pattern: name, evidence, advice, firstSeen, lastSeen, certificates }]
  })
}

/**
 * Every pattern, in the order of findings. To add one, write it in the file of its family and add
 * it here.
 */
export const patterns: readonly Pattern[] = [
  outages.ocspShutDown,
  outages.responderAway,
  knowledge.revokedAnswers,
  knowledge.unauthorizedForAll,
  outages.tryLaterStorm,
  oneFailedBackend,
  outages.rateLimited,
  getRefused,
  answers.pageForPeople,
  periods.periodsBarelyOverlap,
  answers.outdatedAnswers,
  staleEdge,
  periods.refreshedLate,
  answers.clockAhead,
  knowledge.slowToKnowNewCertificates,
  knowledge.certificatesNotKnown,
  answers.wrongCertificateAnswered,
  answers.sha256CertID,
  answers.signatureAlgorithmMismatch,
  answers.signerNotAuthorized,
  answers.integersNotMinimal,
  extraCertificates,
  otherFaultsInAnswers,
]

function sortedLog({ attempts, habits, goneSince }: Parameters<typeof findPatterns>[0]): SortedLog {
  // The attempts of a fetch are logged together when it ends, so that those of others may be out of
  // order.
  const all = attempts.filter(saysSomething).toSorted((a, b) => a.at - b.at)
  const newest = all.at(-1)?.at ?? 0
  const recent = all.filter(
    ({ at }, i) => i >= all.length - RECENT_ATTEMPTS || at > newest - DAY_MS,
  )
  return { all, recent, habits, goneSince }
}

/** Not what we ended ourselves, or refused to ask. */
function saysSomething({ outcome }: LoggedAttempt): boolean {
  return outcome !== 'aborted' && outcome !== 'refused'
}

const RECENT_ATTEMPTS = 100
