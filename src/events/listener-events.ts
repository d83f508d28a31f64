import { iso } from '../der/time.ts'
import type { Log } from '../events.ts'
import type { OwnCertificateEvents } from '../serve/own-certificate.ts'

/** What becomes of the certificate of the listener. */
export function listenerEvents(log: Log): OwnCertificateEvents {
  return {
    listenerCertificateChanged({ name, notAfter }) {
      const message = `the listener has the new certificate of ${name}, until ${iso(notAfter)}`
      log('info', message, { event: 'listenerCertificateChanged', name, notAfter: iso(notAfter) })
    },
    listenerCertificateRefused({ problem }) {
      const message = `the listener keeps the certificate that it has, as the new one cannot be used: ${problem}`
      log('error', message, { event: 'listenerCertificateRefused', problem })
    },
  }
}
