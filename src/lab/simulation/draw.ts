import { type EpochMs, epochMs, SECOND_MS } from '../../der/time.ts'
import type { Random } from '../../time/clock.ts'

/** From when to when a world lasts. */
export interface Span {
  readonly start: EpochMs
  readonly end: EpochMs
}

/** A time between, in whole seconds as responses and certificates have them. */
export function between(from: EpochMs, to: EpochMs, random: Random): EpochMs {
  return epochMs(Math.floor((from + (to - from) * random()) / SECOND_MS) * SECOND_MS)
}

/** One of several, each as likely. */
export function oneOf<T>(choices: readonly [T, ...T[]], random: Random): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0]
}

/** A whole number below `limit`. */
export function whole(limit: number, random: Random): number {
  return Math.floor(limit * random())
}
