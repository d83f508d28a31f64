import type { Config } from '../config/config.ts'
import { checkServer } from '../probe/server-check.ts'
import { ServerWatch } from '../probe/server-watch.ts'
import type { Store } from '../store/store.ts'
import type { ServiceWorld } from './running-service.ts'

/** Checks the servers that the configuration names, over and over. */
export function serverWatchOf(
  { policy, probe }: Pick<Config, 'policy' | 'probe'>,
  { store, ...world }: ServiceWorld & { readonly store: Store },
): ServerWatch {
  return new ServerWatch({
    ...{ ...world, ...probe, store },
    // As a client sees it: nothing is taken from the store.
    check: (target, signal) => checkServer(target, { clock: world.clock, policy, signal }),
  })
}
