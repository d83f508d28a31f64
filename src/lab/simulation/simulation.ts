import { EventLog } from './event-log.ts'
import { Play } from './play.ts'
import { Scene } from './scene.ts'
import type { Spoil } from './spoil.ts'
import { drawWorld } from './world.ts'

/** What to simulate. */
export interface SimulationOptions {
  readonly seed: number
  /** Default: 30. */
  readonly days?: number | undefined
  /** Told of everything that happens, line by line. */
  readonly each?: ((line: string) => void) | undefined
  /** Spoils a part of the service, to see whether it is noticed. */
  readonly spoil?: Spoil | undefined
}

/** What a simulation without a {@link Violation} was like. */
export interface Summary {
  readonly seed: number
  readonly days: number
  readonly certificates: number
  readonly requests: number
  readonly staples: number
  readonly faults: number
  readonly incidents: number
  readonly events: number
  /** Of all events; the same for the same seed and days. */
  readonly digest: string
}

/** Simulates a world from a seed. Rejects with a `Violation` where an invariant does not hold. */
export async function simulate(options: SimulationOptions): Promise<Summary> {
  const { seed, days = 30, each, spoil = {} } = options
  const world = drawWorld(seed, days)
  const log = new EventLog(each)
  const { requests, staples } = await new Play(new Scene(world, log), spoil).run()
  return {
    ...{ seed, days, requests, staples },
    certificates: world.certificates.length,
    faults: world.faults.length,
    incidents: world.incidents.length,
    events: log.count,
    digest: log.digest(),
  }
}
