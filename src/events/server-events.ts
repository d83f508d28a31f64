import type { Log } from '../events.ts'
import type { ServerWatchEvents } from '../probe/server-watch.ts'
import { formatDuration } from '../time/duration.ts'

/** What checks of servers find. */
export function serverEvents(log: Log): Omit<ServerWatchEvents, 'storeFailed'> {
  return {
    serverTroubled({ server, level, summary }) {
      const fields = { event: 'serverTroubled', server, level, summary }
      log(level === 'CRITICAL' ? 'error' : 'warn', `${server}: ${summary}`, fields)
    },
    serverWell({ server, summary, after }) {
      const message = `${server}: ${summary}, after ${formatDuration(after)}`
      log('info', message, { event: 'serverWell', server, summary, after })
    },
    serverNotJudged({ server, error }) {
      const problem = error instanceof Error ? error.message : String(error)
      const message = `${server}: not judged, as the check broke down: ${problem}`
      log('error', message, { event: 'serverNotJudged', server, error: problem })
    },
  }
}
