import { type DurationMs, durationMs, SECOND_MS } from '../../der/time.ts'

/** How long the acts of the demo last at least. */
export interface Acts {
  /** All is well. */
  readonly well: DurationMs
  /** The CA fails now and then. */
  readonly shaky: DurationMs
  /** The CA is away. */
  readonly away: DurationMs
  /** The CA is back. */
  readonly back: DurationMs
}

/** The shortest `--for` in which everything can be seen. */
export const SHORTEST: DurationMs = durationMs(10 * SECOND_MS)

/**
 * How long the CA's responses can be used: about as long as the demo, so that a quarter of it, after which a newer one is due, falls into
 * the acts. Never so short that a staple in hand could end in the outage: the second attempt comes five seconds after the first.
 */
export function lifeFor(wanted: DurationMs | undefined): DurationMs {
  return durationMs(Math.max(LEAST_LIFE, playingTime(wanted)))
}

/** The acts, when so much of the time went into setting the stage. */
export function actsFor(wanted: DurationMs | undefined, spent: DurationMs): Acts {
  const left = Math.max(LEAST_ACTS, playingTime(wanted) - spent - CURTAIN)
  const share = (part: number) => durationMs(Math.round(left * part))
  return { well: share(0.25), shaky: share(0.25), away: share(0.25), back: share(0.25) }
}

/** More time than the acts need goes on after them. */
function playingTime(wanted: DurationMs | undefined): DurationMs {
  return durationMs(Math.min(wanted ?? LONGEST, LONGEST))
}

const LONGEST = durationMs(45 * SECOND_MS)
const LEAST_LIFE = 20 * SECOND_MS
const LEAST_ACTS = 6 * SECOND_MS
/** For ending everything. */
const CURTAIN = 500
