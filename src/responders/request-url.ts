import { isIP } from 'node:net'
import { type AllowedAddresses, screenAddress } from './address-screen.ts'

/** Where a request goes: what to connect to, and what stands in the request line, exactly as given. */
export interface RequestTarget {
  readonly kind: 'target'
  /** `http://` with host and port, as `URL` writes them. */
  readonly origin: string
  readonly path: string
}

/**
 * The URL of an OCSP request by GET (RFC 6960 A.1): the request in base64, with `+`, `/` and `=` percent-encoded once, after the OCSP
 * URL and one slash. The OCSP URL is kept as it is; one with a query gets the request after the query, as the RFC's
 * "{url}/{request}" says and HAProxy does: a responder that does not expect this is asked again by POST.
 */
export function getUrl(ocspUrl: string, request: Uint8Array): string {
  const [base = ''] = ocspUrl.split('#')
  const encoded = encodeURIComponent(Buffer.from(request).toString('base64'))
  return base.endsWith('/') ? base + encoded : `${base}/${encoded}`
}

/** Longest URL that is sent by GET (RFC 9919 §6); HAProxy and Firefox draw the line at the same length. */
export const MAX_GET_URL = 255

/**
 * Takes a URL from a certificate apart, or says why it is not to be asked: only plain http, no user name, no address that the screen
 * refuses. Path and query are not normalised, decoded or encoded; an empty path becomes `/`. Any port goes: the
 * responders of private CAs stand on other ports than 80 as a rule, and what a port could reach is kept safe by the address screen.
 */
export function requestTarget(
  url: string,
  allowed: AllowedAddresses,
): RequestTarget | { readonly kind: 'refused'; readonly problem: string } {
  const refused = (problem: string) => ({ kind: 'refused', problem }) as const
  if (url.length > MAX_URL)
    return refused(`the URL has ${url.length} characters, ${MAX_URL} at most`)
  if (!/^[\x21-\x7e]*$/.test(url))
    return refused('the URL has a space, or a character that is not ASCII')
  const match = URL_PARTS.exec(url)
  if (match === null) {
    const [scheme] = url.split(':', 1)
    return refused(`only http: is asked, not ${JSON.stringify(scheme)}`)
  }
  const [, authority = '', path = ''] = match
  if (authority.includes('@')) return refused('the URL has a user name before the host')
  const base = `http://${authority}`
  if (!AUTHORITY.test(authority) || !URL.canParse(base)) {
    return refused(`${JSON.stringify(authority)} is no host name or address`)
  }
  // URL turns every way to write an IPv4 address (0x7f.1, 2130706433) into the usual one.
  const { origin, hostname } = new URL(base)
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  const reason = isIP(address) === 0 ? undefined : screenAddress(address, allowed)
  if (reason !== undefined) return refused(refusedAddress(address, reason))
  return { kind: 'target', origin, path: path.startsWith('/') ? path : `/${path}` }
}

/** Why an address was not connected to, and what an operator does about it. */
export function refusedAddress(address: string, reason: string): string {
  return `address ${address} is ${reason}: if this responder is meant, add it to responders.allowAddresses`
}

/** What a responder is counted by: `http://ocsp.example.org`. Empty for a text that is no URL. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : ''
}

const URL_PARTS = /^http:\/\/([^/?#]*)([^#]*)/i
const AUTHORITY = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i
/** The longest that acceptance.md section 3 advises to follow; the URLs of public CAs have fewer than 100 characters. */
const MAX_URL = 2_048
