import { durationMs, MINUTE_MS } from '../../der/time.ts'
import { formatDuration } from '../../time/duration.ts'
import { gravity } from './fault-plan.ts'
import type { Machine } from './presence.ts'
import type { Scene } from './scene.ts'
import type { Tracked } from './tracked.ts'

/** Invariant: every certificate that is due at a responder that is not away is asked about within two minutes. */
export function checkStarvation(scene: Scene, tracked: Tracked, { calmSince }: Machine): void {
  const { managedSince, dueAt, certificate } = tracked
  if (managedSince === undefined || calmSince === undefined) return
  const due = dueAt - scene.ahead()
  const now = scene.now()
  if (now - due <= LONGEST_WAIT) return
  const troubles = scene
    .faultsOf(certificate.plan.authority)
    .filter(({ kind, from }) => from <= now && AWAY.has(gravity[kind]))
  const since = Math.max(due, calmSince, ...troubles.map(({ to }) => to + LONGEST_PAUSE))
  if (now - since <= LONGEST_WAIT) return
  const problem = `due for ${formatDuration(durationMs(now - since))} and not asked about`
  scene.violate('starvation', problem, certificate)
}

const AWAY: ReadonlySet<string> = new Set(['responder', 'asked-pause'])
const LONGEST_WAIT = 2 * MINUTE_MS
/** For which a breaker stays open after its responder has recovered: what it may ask for, and a fetch. */
const LONGEST_PAUSE = 6 * MINUTE_MS
