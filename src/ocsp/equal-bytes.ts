/** Whether `bytes[start, end)` are exactly `expected`. Not for secrets: it stops at the first difference. */
export function equalBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  expected: Uint8Array,
): boolean {
  if (end - start !== expected.length) return false
  // A loop is faster than the call for the first octets, in which most of what is unequal differs.
  const looped = Math.min(expected.length, LOOPED)
  for (let i = 0; i < looped; i++) if (bytes[start + i] !== expected[i]) return false
  return looped === expected.length || Buffer.compare(bytes.subarray(start, end), expected) === 0
}

const LOOPED = 32
