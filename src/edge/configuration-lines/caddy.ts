import type { ConfigurationLines, LinesInput } from './configuration-lines.ts'
import { endpointLines } from './everstaple-lines.ts'

/** Caddy asks the endpoint instead of the CA: a setting of its JSON, for certificates that it manages itself. */
export function caddyLines({ certificates, endpoint, listen }: LinesInput): ConfigurationLines {
  const urls = [...new Set(certificates.flatMap(({ ocspUrls }) => ocspUrls))]
  const overrides = Object.fromEntries(urls.map((url) => [url, endpoint]))
  return {
    server: [
      {
        place: 'each of apps.tls.automation.policies',
        lines: `"ocsp_overrides": ${JSON.stringify(overrides, undefined, 2)}`.split('\n'),
      },
    ],
    everstaple: endpointLines({ endpoint, listen }),
  }
}
