import { type EpochMs, MINUTE_MS, plus } from '../der/time.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'

/** Notices that the wall clock was set back, by the clock that only goes forward. */
export class SetbackWatch {
  readonly #clock: Clock
  #offset = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether the wall clock was set back since the last look; at the first look it may have been, while nobody looked. */
  look(): 'steady' | 'set-back' {
    const offset = this.#clock.now() - this.#clock.monotonic()
    const isSetBack = offset < this.#offset - TOLERANCE
    this.#offset = offset
    return isSetBack ? 'set-back' : 'steady'
  }
}

/**
 * Makes due what was planned by a wall clock that ran ahead: a machine that starts with the wrong year would else ask again in that year.
 * Throws a `StoreError`.
 */
export async function replanFromFuture(
  store: Pick<Store, 'replanAttemptedAfter'>,
  now: EpochMs,
): Promise<void> {
  const reason = 'the clock was set back since it was planned'
  await store.replanAttemptedAfter(plus(now, TOLERANCE), { dueAt: now, reason })
}

/** NTP steps by less than this in daily life, and plans are not that exact. */
const TOLERANCE = MINUTE_MS
