import { type DurationMs, durationMs, type EpochMs, MINUTE_MS } from '../der/time.ts'

/** What is known of how a responder renews its answers. */
export interface Habits {
  /** nextUpdate less thisUpdate; `undefined` where nothing was seen. */
  readonly validity: DurationMs | undefined
  /** From one thisUpdate to the next of the same certificate: how often there is something newer. */
  readonly renewal: DurationMs | undefined
  /** From its thisUpdate until a new answer can be had: greater than zero where answers are made ahead or spread slowly. */
  readonly lag: DurationMs
  /** Renewals that were seen: a few are needed before the others mean much. */
  readonly seen: number
}

/** Nothing seen yet. */
export const unknownHabits: Habits = {
  validity: undefined,
  renewal: undefined,
  lag: durationMs(0),
  seen: 0,
}

/** An answer that was newer than the one in hand. */
export interface Renewal {
  /** The answer that was in hand. */
  readonly before: { readonly thisUpdate: EpochMs }
  readonly after: { readonly thisUpdate: EpochMs; readonly nextUpdate: EpochMs }
  /** When the new one came. */
  readonly seenAt: EpochMs
  /** When a request last gave the former one again; `undefined` where none did. */
  readonly sameAt: EpochMs | undefined
}

/**
 * Habits with one more renewal taken in. Validity and lag follow what is seen by a fifth, and at once where it is half or double: a CA that
 * changes is believed. The renewal is told from the spacing of two answers, which may span several, or less than one, as when
 * a certificate was new or the CA signed out of turn: one odd pair changes little.
 */
export function learn(habits: Habits, { before, after, seenAt, sameAt }: Renewal): Habits {
  const spacing = after.thisUpdate - before.thisUpdate
  const heldFor = sameAt === undefined ? 0 : sameAt - before.thisUpdate - habits.lag
  const { renewal, seen } = learnRenewal(habits, spacing, heldFor)
  return {
    validity: follow(habits.validity, after.nextUpdate - after.thisUpdate),
    renewal,
    lag: learnLag(habits, { renewal, appearedAfter: sameAt, after, seenAt }),
    seen,
  }
}

/** Whether enough was seen to go by. */
export function isKnown(habits: Habits): habits is Habits & { readonly renewal: DurationMs } {
  return habits.renewal !== undefined && habits.seen >= ENOUGH
}

/** Whether periods overlap too little to always hold a valid answer (CA #1): the next one comes when the former one ends, give or take a fiftieth. */
export function hasGap({ validity, renewal, lag }: Habits): boolean {
  if (validity === undefined || renewal === undefined) return false
  return renewal + lag >= validity - Math.max(MINUTE_MS, validity / 50)
}

/** `heldFor`: the former answer was still given when it was this old, so that no period is shorter. */
function learnRenewal(
  { renewal: known, seen }: Habits,
  spacing: number,
  heldFor: number,
): { readonly renewal: DurationMs; readonly seen: number } {
  const anew = { renewal: durationMs(Math.round(spacing)), seen: 1 }
  if (known === undefined) return anew
  const periods = Math.max(1, Math.round(spacing / known))
  const isOne = spacing < heldFor * 2
  if (isOne && spacing > known * 1.25) return anew
  const more = Math.min(seen + 1, ENOUGH)
  const isWhole = Math.abs(spacing / known - periods) <= 0.25
  if (isWhole || spacing < known) return { renewal: nearer(known, spacing / periods), seen: more }
  return seen < ENOUGH ? anew : { renewal: known, seen }
}

/**
 * The new answer appeared between the last time that the former one was given again and now, and not before it was made. That may be hours where a
 * cache kept the former one: only what no moment between agrees with is believed at once. Where nobody asked shortly before, it may have been
 * there for long: the lag is taken for a little less, until somebody asks too early again.
 */
function learnLag(
  habits: Habits,
  seen: {
    readonly renewal: DurationMs
    readonly appearedAfter: EpochMs | undefined
    readonly after: { readonly thisUpdate: EpochMs }
    readonly seenAt: EpochMs
  },
): DurationMs {
  const { renewal, appearedAfter, after, seenAt } = seen
  const longest = seenAt - after.thisUpdate
  if (appearedAfter === undefined || seenAt - appearedAfter > renewal / 8) {
    return durationMs(Math.max(0, Math.min(Math.round(habits.lag * 0.95), longest)))
  }
  const shortest = Math.max(0, appearedAfter - after.thisUpdate)
  const middle = durationMs(Math.round((shortest + longest) / 2))
  const isAnother = shortest > habits.lag * 2 || longest < habits.lag / 2
  return isAnother ? middle : nearer(habits.lag, middle)
}

function follow(known: DurationMs | undefined, seen: number): DurationMs {
  if (known === undefined || seen > known * 2 || seen < known / 2) {
    return durationMs(Math.round(seen))
  }
  return nearer(known, seen)
}

function nearer(known: DurationMs, seen: number): DurationMs {
  return durationMs(Math.round(known + (seen - known) / 5))
}

/** One renewal may be an outage that ended; three alike are a habit. */
const ENOUGH = 3
