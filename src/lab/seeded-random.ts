import type { Random } from '../time/clock.ts'

/**
 * Numbers in [0, 1) that are the same for the same seed on every machine (sfc32). Parts of a seed make independent streams, so that what one part of a
 * simulation draws does not change what another draws.
 */
export function seededRandom(...seed: readonly (string | number)[]): Random {
  let a = hash(seed.join('\0'))
  let b = mix(a ^ 0x9e3779b9)
  let c = mix(b ^ 0x243f6a88)
  let counter = 1
  const next = (): number => {
    const sum = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return (sum >>> 0) / 2 ** 32
  }
  for (let round = 0; round < WARM_UP; round++) next()
  return next
}

/** A number in [0, 1) that belongs to a pair of whole numbers: drawn without a stream, so in any order. */
export function scatter(x: number, y: number): number {
  return (mix(Math.imul(x + 1, 0x85ebca6b) ^ mix(y + 0x7f4a7c15)) >>> 0) / 2 ** 32
}

/** A duration with this mean, exponentially distributed: until the next of events that come at random. */
export function exponential(mean: number, random: Random): number {
  return -Math.log(1 - random()) * mean
}

/** FNV-1a. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    state = Math.imul(state ^ text.charCodeAt(at), 0x01000193)
  }
  return mix(state)
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the output. */
function mix(state: number): number {
  let h = state
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const WARM_UP = 12
