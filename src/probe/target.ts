import { isIP, isIPv6 } from 'node:net'

/** A TLS server to shake hands with. */
export interface Target {
  /** Host and port as people write them: `www.example.org:443`, `[::1]:8443`. */
  readonly label: string
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Sent as SNI; `undefined` where the host is an address, which SNI cannot carry (RFC 6066 §3). */
  readonly servername: string | undefined
}

/**
 * Reads `HOST`, `HOST:PORT`, `[::1]` or `[::1]:PORT`; without a port, it is 443. `undefined` for anything else. `servername` goes
 * into the handshake in the place of the host.
 */
export function parseTarget(text: string, servername?: string): Target | undefined {
  const { bare, address, host = address ?? bare, port = '443' } = TARGET.exec(text)?.groups ?? {}
  if (host === undefined || Number(port) < 1 || Number(port) > MAX_PORT) return undefined
  if (address !== undefined && !isIPv6(address)) return undefined
  if (bare !== undefined && !isIPv6(bare)) return undefined
  const written = isIPv6(host) ? `[${host}]` : host
  return {
    label: `${written}:${Number(port)}`,
    host,
    port: Number(port),
    servername: servername ?? (isIP(host) === 0 ? host.replace(/\.$/, '') : undefined),
  }
}

/** Whether a text can be sent as SNI: a host name, no address. */
export function isServername(text: string): boolean {
  return /^[A-Za-z\d_-]+(\.[A-Za-z\d_-]+)*$/.test(text) && isIP(text) === 0
}

const TARGET =
  /^(?:(?<bare>[\da-f:.]*:[\da-f:.]*:[\da-f:.]*)|(?:\[(?<address>[\da-f:.]+)\]|(?<host>[\w.-]+))(?::(?<port>\d{1,5}))?)$/i
const MAX_PORT = 65_535
