import { isIP, isIPv6 } from 'node:net'

/** A TLS server to shake hands with. */
export interface Target {
  /** As people write it: `www.example.org:443`, `[::1]:8443`, `192.0.2.1:443/www.example.org`. */
  readonly label: string
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Sent as SNI; `undefined` where the host is an address, which SNI cannot carry (RFC 6066 §3). */
  readonly servername: string | undefined
}

/**
 * Reads `HOST`, `HOST:PORT`, `[::1]` or `[::1]:PORT`; without a port, it is 443. All can be followed by `/NAME`, which goes into the
 * handshake in the place of the host. `servername` does so as well, and is not in the label. `undefined` for anything else.
 */
export function parseTarget(text: string, servername?: string): Target | undefined {
  const [server = '', ...names] = text.split('/')
  const [name] = names
  if (names.length > 1 || (name !== undefined && !isServername(name))) return undefined
  const { bare, address, host = address ?? bare, port = '443' } = TARGET.exec(server)?.groups ?? {}
  if (host === undefined || Number(port) < 1 || Number(port) > MAX_PORT) return undefined
  if (address !== undefined && !isIPv6(address)) return undefined
  if (bare !== undefined && !isIPv6(bare)) return undefined
  const written = isIPv6(host) ? `[${host}]` : host
  return {
    label: `${written}:${Number(port)}${name === undefined ? '' : `/${name}`}`,
    host,
    port: Number(port),
    servername: servername ?? name ?? (isIP(host) === 0 ? host.replace(/\.$/, '') : undefined),
  }
}

/** Whether a text can be sent as SNI: a host name, no address. */
export function isServername(text: string): boolean {
  return /^[A-Za-z\d_-]+(\.[A-Za-z\d_-]+)*$/.test(text) && isIP(text) === 0
}

const TARGET =
  /^(?:(?<bare>[\da-f:.]*:[\da-f:.]*:[\da-f:.]*)|(?:\[(?<address>[\da-f:.]+)\]|(?<host>[\w.-]+))(?::(?<port>\d{1,5}))?)$/i
const MAX_PORT = 65_535
