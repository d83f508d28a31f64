import { type EpochMs, plus, SECOND_MS } from '../der/time.ts'
import type { HttpResult } from './transport.ts'

/**
 * Until when a cache gives the same answer again: max-age of Cache-Control less Age (RFC 9111 §4.2.1). `undefined` where the header fields
 * do not say. Unauthenticated: for when to ask, never for what is valid.
 */
export function freshUntilOf(result: HttpResult, now: EpochMs): EpochMs | undefined {
  if (result.kind !== 'response') return undefined
  const { cacheControl = '', age = '0' } = result.headers
  if (/\bno-(cache|store)\b/i.test(cacheControl)) return undefined
  const maxAge = /\bmax-age="?(\d{1,9})\b/i.exec(cacheControl)?.[1]
  if (maxAge === undefined || !/^\d{1,9}$/.test(age)) return undefined
  const left = Number(maxAge) - Number(age)
  return left > 0 ? plus(now, left * SECOND_MS) : undefined
}
