/** Whether an address, or a name that is written as one, is of this machine alone. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.test(address)
}

/**
 * What the clients of one owner have in common, to count them by: an IPv4 address, also one mapped
 * into IPv6; of an IPv6 address the first 64 bits, as one machine has all below them.
 */
export function networkOf(address: string): string {
  const [, mapped] = MAPPED.exec(address) ?? []
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [before = '', after] = address.split('::')
  const [first, last] = [groups(before), groups(after ?? '')]
  const between = Array.from({ length: 8 - first.length - last.length }, () => '0')
  return [...first, ...between, ...last].slice(0, 4).join(':')
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':')
}

/** An IPv4 client of a socket that listens on `::` has an address mapped into IPv6. */
const LOOPBACK = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i
const MAPPED = /^::ffff:(\d+(?:\.\d+){3})$/i
