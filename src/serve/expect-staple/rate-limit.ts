import { LRUCache } from 'lru-cache'
import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../../der/time.ts'
import type { Clock } from '../../time/clock.ts'

/** How much is let in: up to `burst` at once, and one more each `every`. */
export interface Rate {
  readonly burst: number
  readonly every: DurationMs
}

/** Lets in so much from each address, and so much from all of them. */
export class RateLimit {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #all: Bucket = { places: FROM_ALL.burst, at: undefined }
  readonly #byNetwork = new LRUCache<string, Bucket>({ max: MAX_NETWORKS })

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Takes a place for a request from an address: 0, or how long it has to wait for one. */
  admit(remoteAddress: string): DurationMs {
    const now = this.#clock.monotonic()
    const network = networkOf(remoteAddress)
    const own = this.#byNetwork.get(network) ?? { places: FROM_ONE.burst, at: undefined }
    this.#byNetwork.set(network, own)
    // Its own first: who sends too much takes nothing from the others.
    const wait = take(own, FROM_ONE, now)
    return wait > 0 ? wait : take(this.#all, FROM_ALL, now)
  }
}

/** More than a browser has to tell; `everstaple check` has four handshakes a server. */
export const FROM_ONE: Rate = { burst: 10, every: durationMs(MINUTE_MS / 10) }

/**
 * To judge a spiteful one takes 5 ms, a usual one 0.3: this is at most a twentieth of a processor.
 */
export const FROM_ALL: Rate = { burst: 100, every: durationMs(SECOND_MS / 10) }

/** Places that are free; filled up to now when it is asked. */
interface Bucket {
  places: number
  at: DurationMs | undefined
}

function take(bucket: Bucket, { burst, every }: Rate, now: DurationMs): DurationMs {
  const filled = bucket.at === undefined ? 0 : (now - bucket.at) / every
  bucket.places = Math.min(burst, bucket.places + filled)
  bucket.at = now
  if (bucket.places < 1) return durationMs((1 - bucket.places) * every)
  bucket.places -= 1
  return durationMs(0)
}

/**
 * An IPv4 address, also one mapped into IPv6; of an IPv6 address the first 64 bits, as one machine
 * has all below them.
 */
function networkOf(address: string): string {
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

const MAPPED = /^::ffff:(\d+(?:\.\d+){3})$/i
/** Some 2 MB. */
const MAX_NETWORKS = 10_000
