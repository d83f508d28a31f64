import { type DurationMs, durationMs } from '../der/time.ts'
import type { Random } from './clock.ts'

/** `duration` made up to `share` longer or shorter, evenly spread: a share of 0.1 is ±10 %. A whole number. */
export function jitter(duration: DurationMs, share: number, random: Random): DurationMs {
  return durationMs(Math.round(duration * (1 + share * (2 * random() - 1))))
}
