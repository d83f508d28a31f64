import type { Events } from '../events.ts'
import type { Coverage, Store } from '../store/store.ts'
import type { Clock, Random } from '../time/clock.ts'
import type { Loop } from './run-together.ts'

/** What the service takes from the world. */
export interface ServiceWorld {
  readonly clock: Clock
  readonly random: Random
  readonly events: Events
}

/** A running service. Disposing of it ends fetches under way, closes the listener, runs pending reloads and closes the store. */
export interface Service extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:8888`. */
  readonly url: string
  readonly store: Store
  coverage(): Promise<Coverage>
  /** Settles when the service ends; rejects when a part of it has failed for good. */
  readonly ended: Promise<void>
}

/** Sets its loops going. Disposing of it ends them, then what it is made of. */
export function running(
  parts: AsyncDisposable,
  { url, store, world }: Pick<Service, 'url' | 'store'> & { readonly world: ServiceWorld },
  run: Loop,
): Service {
  const { clock, events } = world
  const stop = new AbortController()
  const ended = run(stop.signal)
  const end = async () => {
    stop.abort()
    await ended.catch(() => {})
    await parts[Symbol.asyncDispose]()
    events.serviceStopped()
  }
  let ending: Promise<void> | undefined
  return {
    url,
    store,
    coverage: () => store.coverage(clock.now()),
    ended,
    [Symbol.asyncDispose]() {
      ending ??= end()
      return ending
    },
  }
}
