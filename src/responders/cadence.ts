import { type DurationMs, durationMs, type EpochMs, MINUTE_MS } from '../der/time.ts'

/** What is known of how a responder renews its answers. All `undefined` until it was seen. */
export interface Habits {
  /** nextUpdate less thisUpdate. */
  readonly validity: DurationMs | undefined
  /** From one thisUpdate to the next of the same certificate: how often there is something newer. */
  readonly renewal: DurationMs | undefined
  /** From its thisUpdate until a new answer can be had: greater than zero where answers are made ahead or spread slowly. */
  readonly lag: DurationMs | undefined
}

/** Nothing seen yet. */
export const unknownHabits: Habits = { validity: undefined, renewal: undefined, lag: undefined }

/** An answer that was newer than the one in hand. */
export interface Renewal {
  /** The answer that was in hand. */
  readonly before: { readonly thisUpdate: EpochMs; readonly nextUpdate: EpochMs }
  readonly after: { readonly thisUpdate: EpochMs; readonly nextUpdate: EpochMs }
  /** When the new one came. */
  readonly seenAt: EpochMs
  /** When a request last gave the former one; `undefined` where none did since it was fetched. */
  readonly lastSameAt: EpochMs | undefined
}

/**
 * Habits with one more renewal taken in. Each value follows what is seen by a fifth, and at once where it was unknown or half or double of what is seen:
 * a CA that changes its period is believed. A renewal that spans several periods, because nobody asked in between, tells only of a shorter one.
 */
export function learn(habits: Habits, { before, after, seenAt, lastSameAt }: Renewal): Habits {
  const spacing = after.thisUpdate - before.thisUpdate
  const renewal =
    habits.renewal !== undefined && spacing > habits.renewal * 1.5
      ? nearestPeriod(spacing, habits.renewal)
      : spacing
  // The new one appeared somewhere between the last answer that was the former one and now: the middle is the best guess.
  const appeared = lastSameAt === undefined ? undefined : (lastSameAt + seenAt) / 2
  const lag = appeared === undefined ? undefined : Math.max(0, appeared - after.thisUpdate)
  return {
    validity: follow(habits.validity, after.nextUpdate - after.thisUpdate),
    renewal: follow(habits.renewal, renewal),
    lag: lag === undefined ? habits.lag : follow(habits.lag, lag),
  }
}

/** Whether periods overlap too little to always hold a valid answer (CA #1): the next one comes when the former one ends, give or take a minute. */
export function hasGap({ validity, renewal, lag }: Habits): boolean {
  if (validity === undefined || renewal === undefined) return false
  return renewal + (lag ?? 0) >= validity - MINUTE_MS
}

/** The period that fits a whole number of times into `spacing`, nearest to `known`. */
function nearestPeriod(spacing: number, known: number): number {
  return spacing / Math.max(1, Math.round(spacing / known))
}

function follow(known: DurationMs | undefined, seen: number): DurationMs {
  if (known === undefined || seen > known * 2 || seen < known / 2)
    return durationMs(Math.round(seen))
  return durationMs(Math.round(known + (seen - known) / 5))
}
