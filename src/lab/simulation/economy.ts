import { hasHole } from './presence.ts'
import type { Scene } from './scene.ts'
import type { Tracked } from './tracked.ts'

/**
 * Invariant: a CA that was always well is asked no more than four times for each response that was new, plus what comes of restarts. One whose
 * periods do not overlap is asked closely around their ends, each time in up to three ways.
 */
export function checkEconomy(scene: Scene, tracked: readonly Tracked[]): void {
  for (const authority of scene.world.authorities) {
    if (scene.faultsOf(authority).length > 0) continue
    // Revoked ones are asked about daily, in up to three ways, and nothing new comes of it.
    const own = tracked.filter(({ certificate: { plan } }) => {
      return plan.authority === authority && plan.revokedAt === undefined
    })
    const total = (of: 'requests' | 'stored') => own.reduce((sum, each) => sum + each[of], 0)
    const extra = PER_CERTIFICATE * own.length * (1 + scene.world.incidents.length)
    const most = (hasHole(authority) ? MOST_WITH_HOLE : MOST) * total('stored') + extra
    if (total('requests') <= most) continue
    const problem = `${authority.name} was asked ${total('requests')} times, ${most} at most, for ${total('stored')} new responses`
    scene.violate('economy', problem)
  }
}

const MOST = 4
/** At three quarters of its life, at its end, and twice when the next one is expected. */
const MOST_WITH_HOLE = 4 * 3
/** Of each incident a few, and of those that are new to their CA or end. */
const PER_CERTIFICATE = 12
