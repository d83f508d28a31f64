import type { ConfigurationLines, LinesInput } from './configuration-lines.ts'
import { endpointLines } from './everstaple-lines.ts'

/** `everstaple/tls` asks the endpoint, judges, and keeps the staple in memory. */
export function nodeLines({ endpoint, listen }: LinesInput): ConfigurationLines {
  return {
    server: [
      {
        place: 'where the modules are imported',
        lines: ["import { everstaple, stapleFrom } from 'everstaple/tls'"],
      },
      {
        place: 'before server.listen(); `chain` is what the server has as `cert`',
        lines: [
          `const staples = everstaple({ url: '${new URL(endpoint).origin}' })`,
          'stapleFrom(server, staples)',
          'await staples.ready(chain)',
        ],
      },
    ],
    everstaple: endpointLines({ endpoint, listen }),
  }
}
