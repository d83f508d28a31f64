import type { Transport } from '../../responders/transport.ts'
import type { Store } from '../../store/store.ts'

/** Puts something else in the place of a part of the service, to see whether it is noticed. */
export interface Spoil {
  /** What the crawler works with. */
  readonly store?: (store: Store) => Store
  /** What staples are handed out from. */
  readonly kept?: (store: Store) => Store
  readonly transport?: (transport: Transport) => Transport
}
