import type { IncomingHttpHeaders } from 'node:http'
import { type DurationMs, durationMs, type EpochMs, SECOND_MS } from '../der/time.ts'
import type { ResponderHeaders } from './transport.ts'

/** Picks the header fields that matter; of one sent several times, the first. */
export function responderHeaders(headers: IncomingHttpHeaders, now: EpochMs): ResponderHeaders {
  const { server } = headers
  return {
    contentType: first(headers['content-type']),
    retryAfter: retryAfter(first(headers['retry-after']), now),
    cacheControl: first(headers['cache-control']),
    age: first(headers.age),
    date: first(headers.date),
    etag: first(headers.etag),
    server: first(server),
  }
}

/** Retry-After (RFC 9110 §10.2.3): seconds, or a date, which counts as nothing when it is past. */
function retryAfter(value: string | undefined, now: EpochMs): DurationMs | undefined {
  if (value === undefined) return undefined
  if (/^\s*\d{1,10}\s*$/.test(value)) return durationMs(Number(value) * SECOND_MS)
  // Date.parse makes a date of nearly any text with a number in it.
  const at = /^[a-z]{3,9},? /i.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? undefined : durationMs(Math.max(0, at - now))
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}
