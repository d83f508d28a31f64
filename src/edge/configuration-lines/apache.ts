import type { ConfigurationLines, LinesInput } from './configuration-lines.ts'
import { endpointLines } from './everstaple-lines.ts'

/**
 * Apache has no directive for files, so it asks the endpoint. A staple stays in its cache for a day, or until its nextUpdate: so
 * long everstaple may be away. What failed is asked again after seconds; the default is ten minutes. By default it staples what
 * has expired for five minutes more.
 */
export function apacheLines({ certificates, endpoint, listen }: LinesInput): ConfigurationLines {
  const sizeBytes = Math.max(LEAST_CACHE_BYTES, certificates.length * BYTES_PER_STAPLE)
  return {
    server: [
      {
        place:
          'outside of every VirtualHost, for all of them; Debian: conf-available/everstaple.conf',
        lines: [
          `SSLStaplingCache "shmcb:ssl_stapling(${sizeBytes})"`,
          'SSLUseStapling on',
          `SSLStaplingForceURL ${endpoint}`,
          'SSLStaplingResponderTimeout 2',
          'SSLStaplingReturnResponderErrors off',
          'SSLStaplingFakeTryLater off',
          'SSLStaplingStandardCacheTimeout 86400',
          'SSLStaplingErrorCacheTimeout 5',
          'SSLStaplingResponseTimeSkew 0',
        ],
      },
    ],
    everstaple: endpointLines({ endpoint, listen }),
  }
}

/** What Apache's documentation has. */
const LEAST_CACHE_BYTES = 131_072
/** The largest response that mod_ssl takes, 10,240 bytes; most have a fifth of it, and the cache is never quite full. */
const BYTES_PER_STAPLE = 10_240
