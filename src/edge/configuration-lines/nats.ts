import { type ConfigurationLines, type LinesInput, quoted } from './configuration-lines.ts'
import { endpointLines } from './everstaple-lines.ts'

/** NATS asks the endpoint instead of the CA. It does not start while there is no staple. */
export function natsLines({ endpoint, listen }: LinesInput): ConfigurationLines {
  return {
    server: [{ place: 'top level', lines: [`ocsp { mode: always, url: ${quoted(endpoint)} }`] }],
    everstaple: endpointLines({ endpoint, listen }),
  }
}
