import { DAY_MS, type EpochMs } from '../der/time.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'

/** How many attempts with a responder are kept whatever they are about: the newest. */
export const NEWEST_KEPT = 1_000
/** How many older ones are kept, at most. */
export const OLD_KEPT = 500

/** What it goes by whether an old attempt is kept. */
export type OldAttempt = Pick<LoggedAttempt, 'certificate' | 'at' | 'outcome'>

/** Of the attempts with one responder, in the order in which they were logged, those that are kept. */
export function keptAttempts<T extends OldAttempt>(all: readonly T[]): readonly T[] {
  const last = all.at(-1)
  if (last === undefined || all.length <= NEWEST_KEPT) return all
  return [...keptOfOld(all.slice(0, -NEWEST_KEPT), last.at), ...all.slice(-NEWEST_KEPT)]
}

/**
 * Of the attempts before the newest, those that are kept. A CA with many certificates fills the newest within minutes, and what has
 * lasted for days would not show in them: so a few certificates are followed for a month, the same ones as long as they are asked about.
 * What said the same as before and after it goes, so that weeks of one fault take two attempts.
 */
export function keptOfOld<T extends OldAttempt>(old: readonly T[], newestAt: EpochMs): T[] {
  // Either way, as the clock may have been wrong.
  const lasting = old.filter(({ at }) => Math.abs(newestAt - at) <= FOLLOWED_FOR)
  const ids = [...new Set(lasting.map(({ certificate }) => certificate))].sort()
  const followed = ids.slice(0, CERTIFICATES_FOLLOWED)
  const telling = new Set(followed.flatMap((id) => changes(lasting.filter(isAbout(id)))))
  return lasting.filter((attempt) => telling.has(attempt)).slice(-OLD_KEPT)
}

/** The first and the last of each run with the same outcome. */
function changes<T extends OldAttempt>(about: readonly T[]): readonly T[] {
  return about.filter(
    ({ outcome }, i) => about[i - 1]?.outcome !== outcome || about[i + 1]?.outcome !== outcome,
  )
}

function isAbout(id: string): (attempt: OldAttempt) => boolean {
  return ({ certificate }) => certificate === id
}

/** Three make a fault that of the responder rather than of certificates; one more, as one may come to its end. */
const CERTIFICATES_FOLLOWED = 4
const FOLLOWED_FOR = 30 * DAY_MS
