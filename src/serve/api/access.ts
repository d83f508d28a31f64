/** Who asks, as the connection and the header fields say. */
export interface Caller {
  readonly remoteAddress: string | undefined
  /** `Host` as received. */
  readonly host: string | undefined
  /** `Origin` as received. */
  readonly origin: string | undefined
}

/**
 * Why somebody may not use the API; `undefined` where they may. It is for programs of this machine, which need no token: neither for others on
 * the network, nor for a web page that a browser on this machine shows, be it by a name of its own that leads here (DNS rebinding).
 */
export function refusal(
  { remoteAddress, host, origin }: Caller,
  listenHost: string,
): string | undefined {
  if (!isLoopback(remoteAddress ?? '')) {
    return `the API is for this machine only, and the request comes from ${remoteAddress}; ask it over 127.0.0.1`
  }
  if (origin !== undefined) {
    return `the API is not for web pages, and the request has the Origin ${JSON.stringify(origin)}; send none`
  }
  const name = hostName(host ?? '')
  if (name === listenHost.toLowerCase() || name === 'localhost' || isLoopback(name))
    return undefined
  return `the API is asked for by the address of this machine, and the request has the Host ${JSON.stringify(host ?? '')}; use 127.0.0.1`
}

/** Without the port, and an IPv6 address without its brackets. */
function hostName(host: string): string {
  const [, address, name] = HOST.exec(host) ?? []
  return (address ?? name ?? '').toLowerCase()
}

function isLoopback(address: string): boolean {
  return LOOPBACK.test(address)
}

const HOST = /^(?:\[([\da-fA-F:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/
/** An IPv4 client of a socket that listens on `::` has an address mapped into IPv6. */
const LOOPBACK = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i
