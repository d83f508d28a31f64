/**
 * The object identifier in `bytes[start, end)` (content octets) in dotted form: `1.3.6.1.5.5.7.48.1.1`. `undefined` where it is not in DER, as one of
 * its numbers is padded in front (X.690 §8.19.2).
 */
export function oidText(bytes: Uint8Array, start: number, end: number): string | undefined {
  const hash = hashOf(bytes, start, end)
  const known = interned.get(hash)
  if (known !== undefined && equals(known.content, bytes, start, end)) return known.text
  if (isPadded(bytes, start, end)) return undefined
  const text = dottedOid(bytes, start, end)
  if (known === undefined && interned.size < MAX_INTERNED) {
    interned.set(hash, { content: bytes.slice(start, end), text })
  }
  return text
}

/** As {@link oidText}, whether or not its numbers are padded. */
export function dottedOid(bytes: Uint8Array, start: number, end: number): string {
  const arcs: bigint[] = []
  let arc = 0n
  for (let i = start; i < end; i++) {
    const octet = bytes[i] ?? 0
    arc = (arc << 7n) | BigInt(octet & 0x7f)
    if (octet < 0x80) {
      arcs.push(arc)
      arc = 0n
    }
  }
  const [head = 0n, ...rest] = arcs
  const first = head < 40n ? 0n : head < 80n ? 1n : 2n
  return [first, head - first * 40n, ...rest].join('.')
}

/** The content octets of an object identifier given in dotted form (X.690 §8.19). */
export function oidContent(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(BigInt)
  const arcs = [BigInt(first) * 40n + BigInt(second), ...rest]
  return Uint8Array.from(arcs.flatMap(base128))
}

function base128(arc: bigint): number[] {
  const digits = [Number(arc & 0x7fn)]
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) digits.unshift(Number(rest & 0x7fn) | 0x80)
  return digits
}

function isPadded(bytes: Uint8Array, start: number, end: number): boolean {
  let isFirst = true
  for (let i = start; i < end; i++) {
    const octet = bytes[i] ?? 0
    if (isFirst && octet === 0x80) return true
    isFirst = octet < 0x80
  }
  return false
}

// Decoding an OID to text costs more than all else in a response, and the same dozen come every time.
const interned = new Map<number, { readonly content: Uint8Array; readonly text: string }>()
const MAX_INTERNED = 1_024

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0
  return hash
}

function equals(content: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (content.length !== end - start) return false
  for (let i = 0; i < content.length; i++) if (content[i] !== bytes[start + i]) return false
  return true
}
