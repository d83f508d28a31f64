import { type DurationMs, durationMs, type EpochMs, HOUR_MS, SECOND_MS } from '../der/time.ts'
import type { Attempt } from '../responders/fetch-staple.ts'

/** What the comparison tells. */
export interface ClockEvents {
  /** Most responders say another time than this machine: its staples look too new or too old to clients. Told at most once an hour. */
  clockDiffers(event: { readonly ahead: DurationMs; readonly responders: number }): void
}

/**
 * Compares the wall clock with the Date header fields of responders: a clock that is wrong takes responses for good that clients refuse.
 * Of each responder the last answer counts, and of all responders the median, so that one whose clock is wrong is no alarm.
 */
export class ClockComparison {
  readonly #events: ClockEvents
  readonly #ahead = new Map<string, number>()
  #toldAt: EpochMs | undefined

  constructor(events: ClockEvents) {
    this.#events = events
  }

  /** Takes in what a responder said, and tells where the clock is wrong. */
  look(responder: string, attempts: readonly Attempt[], now: EpochMs): void {
    const seen = attempts.flatMap((each) => aheadOf(each) ?? [])
    const [last] = seen.slice(-1)
    if (last === undefined) return
    this.#ahead.delete(responder)
    this.#ahead.set(responder, last)
    if (this.#ahead.size > MOST_RESPONDERS) {
      for (const oldest of this.#ahead.keys()) {
        this.#ahead.delete(oldest)
        break
      }
    }
    const ahead = median([...this.#ahead.values()])
    if (Math.abs(ahead) < TOLERANCE) return
    if (this.#toldAt !== undefined && Math.abs(now - this.#toldAt) < HOUR_MS) return
    this.#toldAt = now
    this.#events.clockDiffers({ ahead: durationMs(ahead), responders: this.#ahead.size })
  }
}

/** By how much our clock was ahead of the responder's; `undefined` where it does not say, or a cache spoke for it. */
function aheadOf({ at, elapsed, headers }: Attempt): number | undefined {
  if (headers?.date === undefined || (headers.age ?? '0') !== '0') return undefined
  const date = Date.parse(headers.date)
  if (Number.isNaN(date)) return undefined
  // Date has whole seconds and was written somewhere between request and answer.
  const [earliest, latest] = [date, date + SECOND_MS]
  if (at > latest) return at - latest
  return at + elapsed < earliest ? at + elapsed - earliest : 0
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}

/** Chromium and wolfSSL allow no skew at all; most servers' clocks are within a second. */
const TOLERANCE = 30 * SECOND_MS
/** Those heard last. */
const MOST_RESPONDERS = 101
