import { LRUCache } from 'lru-cache'
import { type DurationMs, durationMs } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'
import { networkOf } from './remote-address.ts'

/** How much is let in: up to `burst` at once, and one more each `every`. */
export interface Rate {
  readonly burst: number
  readonly every: DurationMs
}

/** How much is let in from each network, and from all of them together. */
export interface Rates {
  readonly fromOne: Rate
  /** Default: no limit. */
  readonly fromAll?: Rate
}

/** Lets in so much from each network, and so much from all of them. Its memory is bounded. */
export class RateLimit {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #rates: Rates
  readonly #all: Bucket
  readonly #byNetwork = new LRUCache<string, Bucket>({ max: MAX_NETWORKS })

  constructor(clock: Pick<Clock, 'monotonic'>, rates: Rates) {
    this.#clock = clock
    this.#rates = rates
    this.#all = { places: rates.fromAll?.burst ?? 0, at: undefined }
  }

  /** Takes a place for something that comes from an address: 0, or how long it has to wait for one. */
  admit(remoteAddress: string): DurationMs {
    const now = this.#clock.monotonic()
    const { fromOne, fromAll } = this.#rates
    const network = networkOf(remoteAddress)
    const own = this.#byNetwork.get(network) ?? { places: fromOne.burst, at: undefined }
    this.#byNetwork.set(network, own)
    // Its own first: who sends too much takes nothing from the others.
    const wait = take(own, fromOne, now)
    return wait > 0 || fromAll === undefined ? wait : take(this.#all, fromAll, now)
  }
}

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

/** Some 2 MB. */
const MAX_NETWORKS = 10_000
