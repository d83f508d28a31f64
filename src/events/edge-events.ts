import { iso } from '../der/time.ts'
import type { Log } from '../events.ts'
import type { EdgeWatchEvents } from '../serve/edge-watch.ts'

/** What becomes of the edges of a centre. */
export function edgeEvents(log: Log): Omit<EdgeWatchEvents, 'storeFailed'> {
  return {
    edgeSilent({ edge, seenAt }) {
      const message = `edge ${edge}: silent, last heard of at ${iso(seenAt)}`
      log('warn', message, { event: 'edgeSilent', edge, seenAt: iso(seenAt) })
    },
    edgeBehind({ edge, certificates, problem }) {
      const also = certificates > 1 ? `, and ${certificates - 1} more` : ''
      const message = `edge ${edge}: behind: ${problem}${also}`
      log('warn', message, { event: 'edgeBehind', edge, certificates, problem })
    },
    edgeWell({ edge }) {
      log('info', `edge ${edge}: all is live there again`, { event: 'edgeWell', edge })
    },
  }
}
