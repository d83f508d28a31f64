import { NEWEST_KEPT, OLD_KEPT } from '../../store/kept-attempts.ts'
import type { Store } from '../../store/store.ts'
import type { Scene } from './scene.ts'

/**
 * Invariant: however much is due, no more certificates are in memory than are being fetched, and as many again of each responder for the
 * places that get free.
 */
export function checkUnderWay(scene: Scene, underWay: number): void {
  const { authorities, limits } = scene.world
  const most = limits.total + authorities.length * limits.perResponder
  if (underWay <= most) return
  scene.violate('memory', `${underWay} certificates are under way, ${most} at most`)
}

/** Invariant: what is kept of each responder has an end, and nobody sleeps on after the service. */
export async function checkRemains(scene: Scene, store: Store): Promise<void> {
  for (const { origin } of scene.world.authorities) {
    const { length } = await store.attempts(origin)
    if (length <= NEWEST_KEPT + OLD_KEPT) continue
    scene.violate('memory', `${length} attempts of ${origin} are kept`)
  }
  const { sleeping } = scene.clock
  if (sleeping > 0) scene.violate('memory', `${sleeping} still sleep after the end`)
}
