import { type DurationMs, durationMs, HOUR_MS } from '../der/time.ts'
import type { Events, Log } from '../events.ts'
import type { Clock } from '../time/clock.ts'

/**
 * What becomes of what is to be kept. Everybody who writes tells of a disk that fails, and tries again within seconds: each error is
 * logged once, and again after an hour.
 */
export function storeEvents(
  log: Log,
  clock: Pick<Clock, 'monotonic'>,
): Pick<Events, 'storeFailed' | 'storeWorks'> {
  const toldAt = new Map<string, DurationMs>()
  return {
    storeFailed({ error }) {
      const text = error instanceof Error ? error.message : String(error)
      const now = clock.monotonic()
      const last = toldAt.get(text)
      if (last !== undefined && now - last < AGAIN_AFTER) return
      if (toldAt.size >= MOST_REMEMBERED) toldAt.clear()
      toldAt.set(text, now)
      log('error', `store: ${text}`, { event: 'storeFailed', error: text })
    },
    storeWorks() {
      toldAt.clear()
      log('info', 'store: can be written again', { event: 'storeWorks' })
    },
  }
}

const AGAIN_AFTER: DurationMs = durationMs(HOUR_MS)
const MOST_REMEMBERED = 100
