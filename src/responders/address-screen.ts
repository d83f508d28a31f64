import { BlockList, isIP, isIPv4 } from 'node:net'

/** Addresses that the operator allows although the screen would refuse them: private CAs stand on private networks. */
export interface AllowedAddresses {
  has(address: string): boolean
}

/** An entry that is no address and no prefix. */
export interface InvalidAddress {
  readonly kind: 'invalid'
  readonly problem: string
}

/** Reads `responders.allowAddresses`: addresses (`192.0.2.1`, `::1`) and prefixes (`127.0.0.0/8`, `fd00::/8`). */
export function parseAllowedAddresses(
  entries: readonly string[],
): AllowedAddresses | InvalidAddress {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const version = isIP(address)
    const most = version === 4 ? 32 : 128
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
    if (version === 0 || entry.split('/').length > 2 || !(prefix <= most)) {
      const problem = `${JSON.stringify(entry)} must be an address as 192.0.2.1, or a prefix as 127.0.0.0/8 or fd00::/8`
      return { kind: 'invalid', problem }
    }
    list.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6')
  }
  return { has: (address) => contains(list, address) }
}

/** Nothing but public addresses. */
export const noneAllowed: AllowedAddresses = { has: () => false }

/**
 * Why a responder must not be asked at `address`, or `undefined` where it may. The URL comes from a certificate that anyone may have
 * made, so it must not reach what only this machine can reach (CWE-918): only addresses of the public internet pass, whatever form
 * they are written in, and those that the operator allows.
 */
export function screenAddress(address: string, allowed: AllowedAddresses): string | undefined {
  if (isIP(address) === 0) return 'not an IP address'
  if (allowed.has(address)) return undefined
  if (isIPv4(address)) return screenIn(ipv4Ranges, address)
  const carried = embeddedIPv4(address)
  for (const inner of carried) {
    if (allowed.has(inner)) continue
    const reason = screenIn(ipv4Ranges, inner)
    if (reason !== undefined) return `${reason}, as ${inner} in an IPv6 address`
  }
  if (carried.length > 0) return undefined
  const reason = screenIn(ipv6Ranges, address)
  if (reason !== undefined) return reason
  return contains(globalUnicast, address)
    ? undefined
    : 'outside of the public internet (not in 2000::/3)'
}

interface Range {
  readonly list: BlockList
  readonly reason: string
}

function screenIn(ranges: readonly Range[], address: string): string | undefined {
  return ranges.find(({ list }) => contains(list, address))?.reason
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

/**
 * The IPv4 addresses that packets for this IPv6 address reach in the end: IPv4-mapped and IPv4-compatible (RFC 4291 §2.5.5), NAT64
 * (RFC 6052), 6to4 (RFC 3056), Teredo's server and client (RFC 4380).
 */
function embeddedIPv4(address: string): readonly string[] {
  const groups = groupsOf(address)
  const [a = 0, b = 0, c = 0] = groups
  const last = dotted(groups, 6)
  const leading = groups.slice(0, 6).map((group) => group.toString(16))
  switch (leading.join(':')) {
    case '0:0:0:0:0:ffff':
    case '64:ff9b:0:0:0:0':
      return [last]
    case '0:0:0:0:0:0':
      // :: and ::1 are addresses of their own.
      return groups[6] === 0 && (groups[7] ?? 0) < 2 ? [] : [last]
  }
  if (a === 0x2002) return [dotted([b, c], 0)]
  if (a === 0x2001 && b === 0) {
    const client = groups.map((group) => group ^ 0xffff)
    return [dotted(groups, 2), dotted(client, 6)]
  }
  return []
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const [plain = ''] = address.split('%')
  const hex = plain.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, w, x, y, z) => {
    const group = (high: string, low: string) => (Number(high) * 256 + Number(low)).toString(16)
    return `${group(w, x)}:${group(y, z)}`
  })
  const [head = [], tail = []] = hex
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16))))
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0)
  return [...head, ...zeros, ...tail]
}

function dotted(groups: readonly number[], at: number): string {
  const [high = 0, low = 0] = groups.slice(at, at + 2)
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

function range(prefix: string, what: string): Range {
  const list = prefixList(prefix)
  return { list, reason: `${what} (${prefix})` }
}

function prefixList(prefix: string): BlockList {
  const list = new BlockList()
  const [address = '', bits] = prefix.split('/')
  list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6')
  return list
}

/** IANA IPv4 Special-Purpose Address Registry; the first that matches is said. */
const ipv4Ranges: readonly Range[] = [
  range('0.0.0.0/8', 'unspecified'),
  range('127.0.0.0/8', 'loopback'),
  range('10.0.0.0/8', 'private'),
  range('172.16.0.0/12', 'private'),
  range('192.168.0.0/16', 'private'),
  // 169.254.169.254 is where clouds hand out credentials.
  range('169.254.0.0/16', 'link-local'),
  range('100.64.0.0/10', 'shared by carriers (CGNAT)'),
  range('192.0.0.0/24', 'reserved for protocols'),
  range('192.0.2.0/24', 'for documentation'),
  range('198.51.100.0/24', 'for documentation'),
  range('203.0.113.0/24', 'for documentation'),
  range('192.88.99.0/24', 'a 6to4 relay'),
  range('198.18.0.0/15', 'for benchmarks'),
  range('224.0.0.0/4', 'multicast'),
  range('255.255.255.255/32', 'broadcast'),
  range('240.0.0.0/4', 'reserved'),
]

/** IANA IPv6 Special-Purpose Address Registry. */
const ipv6Ranges: readonly Range[] = [
  range('::/128', 'unspecified'),
  range('::1/128', 'loopback'),
  range('fe80::/10', 'link-local'),
  range('fec0::/10', 'site-local'),
  range('fc00::/7', 'private (unique local)'),
  range('ff00::/8', 'multicast'),
  range('64:ff9b:1::/48', 'private (local NAT64)'),
  range('100::/64', 'discarded'),
  range('2001:2::/48', 'for benchmarks'),
  range('2001:10::/28', 'an ORCHID'),
  range('2001:20::/28', 'an ORCHID'),
  range('2001:db8::/32', 'for documentation'),
  range('3fff::/20', 'for documentation'),
]

const globalUnicast = prefixList('2000::/3')
