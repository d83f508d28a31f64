import type { ServerResponse } from 'node:http'

/** Aborted once the caller has its answer or has gone, which may have happened already: `close` comes once, and not to who asks later. */
export function departureOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  if (response.closed) gone.abort()
  else response.once('close', () => gone.abort())
  return gone.signal
}
