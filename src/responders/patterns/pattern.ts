import type { EpochMs } from '../../der/time.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import type { Habits } from '../cadence.ts'

/** One way in which responders are sick: data, and one pure search. */
export interface Pattern {
  /** Kebab-case, states what is wrong; is API and never renamed. */
  readonly name: string
  /** What to tell the CA or to do, in one sentence. */
  readonly advice: string
  /** What shows it, or `undefined` where nothing or too little does. */
  readonly find: (log: SortedLog) => Sighting | undefined
}

/** The log of one responder as patterns look at it. */
export interface SortedLog {
  /** Oldest first. */
  readonly all: readonly LoggedAttempt[]
  /** The newest stretch of `all`, which figures are about: what has ended before it is history. */
  readonly recent: readonly LoggedAttempt[]
  readonly habits: Habits
  /** Since when nobody seems to answer OCSP there any more, if that is so. */
  readonly goneSince: EpochMs | undefined
}

/** A pattern met. */
export interface Sighting {
  /** One sentence with figures, for the CA. */
  readonly evidence: string
  /** All that show it, also those before the newest stretch. */
  readonly shownBy: readonly LoggedAttempt[]
  /** Where it was seen before the first of them. */
  readonly since?: EpochMs
}

/** Whether a good staple came of it. */
export function isGood({ outcome }: LoggedAttempt): boolean {
  return outcome === 'newer' || outcome === 'unchanged'
}

/** From the first to the last of attempts in order, in milliseconds. */
export function spanOf(attempts: readonly LoggedAttempt[]): number {
  return (attempts.at(-1)?.at ?? 0) - (attempts[0]?.at ?? 0)
}

/** Attempts by the certificate that they asked about, each list in order. */
export function byCertificate(
  attempts: readonly LoggedAttempt[],
): ReadonlyMap<string, readonly LoggedAttempt[]> {
  return Map.groupBy(attempts, ({ certificate }) => certificate)
}

/** Maximal runs of neighbours of which `isPart` holds. */
export function runsOf(
  attempts: readonly LoggedAttempt[],
  isPart: (attempt: LoggedAttempt) => boolean,
): readonly (readonly LoggedAttempt[])[] {
  const runs: LoggedAttempt[][] = []
  let run: LoggedAttempt[] | undefined
  for (const attempt of attempts) {
    if (!isPart(attempt)) run = undefined
    else if (run !== undefined) run.push(attempt)
    else {
      run = [attempt]
      runs.push(run)
    }
  }
  return runs
}
