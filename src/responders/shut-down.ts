import { DAY_MS, type DurationMs, durationMs } from '../der/time.ts'

/**
 * Whether an outcome, as `failureName` calls it, is what comes of a URL at which nobody answers OCSP any more: CAs that end it take the host name
 * away, or leave a web server there (Let's Encrypt 2025, HARICA 2026). So do CAs in trouble, for a while.
 */
export function looksGone(outcome: string): boolean {
  return GONE.has(outcome)
}

/** Where nothing else was seen for so long it is not likely to come back: what is repaired at all is repaired sooner. */
export const SHUT_DOWN_AFTER: DurationMs = durationMs(7 * DAY_MS)

const GONE: ReadonlySet<string> = new Set(['dns', 'connect', 'http-404', 'http-410'])
