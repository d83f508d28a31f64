import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS, plus, SECOND_MS } from '../../der/time.ts'
import type { Random } from '../../time/clock.ts'
import { between, oneOf, type Span, whole } from './draw.ts'

/** Something that happens on the machine of the service, not at a CA. */
export type Incident = { readonly at: EpochMs } & (
  | { readonly kind: 'stop' | 'kill' | 'start' | 'store-mended' }
  | { readonly kind: 'store-fails'; readonly how: StoreFailure }
  | { readonly kind: 'wall-clock-steps'; readonly by: number }
)

/**
 * What the store does not do, with a StoreError: `refuses` what is to be written, `forgets-to-tell` that it has written it, or `gone`:
 * nothing works.
 */
export type StoreFailure = 'refuses' | 'forgets-to-tell' | 'gone'

/** Draws what happens to the service, in order: restarts, some by kill, store trouble, a wall clock that is wrong for a while. */
export function drawIncidents(random: Random, { start, end }: Span): readonly Incident[] {
  const last = plus(end, -HOUR_MS)
  const moment = () => between(plus(start, MINUTE_MS), plus(last, -DAY_MS), random)
  const times = (limit: number) => Array.from({ length: whole(limit, random) }, moment)
  const incidents: Incident[] = []
  for (const at of times(4)) {
    const down = random() < 0.5 ? whole(5 * SECOND_MS, random) : whole(HOUR_MS, random)
    incidents.push({ at, kind: oneOf(['stop', 'kill'], random) })
    incidents.push({ at: plus(at, 1 + down), kind: 'start' })
  }
  for (const at of times(4)) {
    const how = oneOf<StoreFailure>(['refuses', 'forgets-to-tell', 'gone'], random)
    incidents.push({ at, kind: 'store-fails', how })
    incidents.push({ at: plus(at, SECOND_MS + whole(HOUR_MS, random)), kind: 'store-mended' })
  }
  for (const at of times(3)) {
    const by = (whole(20, random) - 10) * MINUTE_MS + whole(MINUTE_MS, random)
    incidents.push({ at, kind: 'wall-clock-steps', by })
    const until = plus(at, SECOND_MS + whole(6 * HOUR_MS, random))
    incidents.push({ at: until, kind: 'wall-clock-steps', by: -by })
  }
  return incidents.sort((a, b) => a.at - b.at)
}
