import type { DeliveryEvents } from '../alerts/deliveries.ts'
import type { Log } from '../events.ts'
import { formatDuration } from '../time/duration.ts'

/** What becomes of alerts. */
export function alertEvents(log: Log): DeliveryEvents {
  return {
    alertSent({ to, alert: { type, certificate } }) {
      const message = `${certificate.name}: ${type} told to ${to}`
      log('info', message, { event: 'alertSent', to, type, certificate: certificate.name })
    },
    alertFailed({ to, alert: { type, certificate }, problem, output, retryIn }) {
      const said = output === '' ? '' : `: ${output}`
      const again =
        retryIn === undefined ? 'it is not told again' : `again in ${formatDuration(retryIn)}`
      const message = `${certificate.name}: ${type} not told to ${to}: ${problem}${said}; ${again}`
      const fields = { to, type, certificate: certificate.name, problem, output }
      log('error', message, { event: 'alertFailed', ...fields })
    },
    alertsDropped({ to, count, oldest: { type, certificate }, reason }) {
      const more = count === 1 ? '' : ` and ${count - 1} more`
      const message = `${certificate.name}: ${type}${more} not told to ${to}: ${reason}`
      log('error', message, { event: 'alertsDropped', to, count, reason })
    },
  }
}
