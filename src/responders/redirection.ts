/** What a response means for the way of a request. */
export type Redirection =
  | { readonly kind: 'none' }
  | { readonly kind: 'to'; readonly url: string }
  | { readonly kind: 'stop'; readonly problem: string }

/**
 * Whether and where a response redirects: to plain http only, as asking for the status of a certificate over TLS may need that very status. The
 * method stays as it is, so a 303, which would make a GET of a POST, stops. Location is taken as sent, never encoded again.
 */
export function redirection(
  from: string,
  { statusCode, location }: { readonly statusCode: number; readonly location: string | undefined },
): Redirection {
  if (!REDIRECTS.has(statusCode) || location === undefined) return { kind: 'none' }
  const quoted = JSON.stringify(location)
  if (statusCode === 303) return { kind: 'stop', problem: `redirected by 303 to ${quoted}` }
  const url = absolute(from, location)
  if (url !== undefined && /^http:/i.test(url)) return { kind: 'to', url }
  return { kind: 'stop', problem: `redirected to ${quoted}: only http: is followed` }
}

function absolute(from: string, location: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(location)) return location
  if (location.startsWith('//')) return `http:${location}`
  if (location.startsWith('/')) return originOf(from) + location
  return URL.canParse(location, from) ? new URL(location, from).href : undefined
}

function originOf(url: string): string {
  return /^[^/]*\/\/[^/?#]*/.exec(url)?.[0] ?? ''
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])
