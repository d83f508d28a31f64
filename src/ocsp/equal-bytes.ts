/** Whether `bytes[start, end)` are exactly `expected`. Not for secrets: it stops at the first difference. */
export function equalBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  expected: Uint8Array,
): boolean {
  if (end - start !== expected.length) return false
  // Below this length a loop is faster than the call.
  if (expected.length > 128) return Buffer.compare(bytes.subarray(start, end), expected) === 0
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false
  return true
}
