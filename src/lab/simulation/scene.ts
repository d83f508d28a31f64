import { type EpochMs, plus } from '../../der/time.ts'
import { SimulatedClock } from '../../time/simulated-clock.ts'
import type { AuthorityPlan } from './authority-plan.ts'
import type { EventLog } from './event-log.ts'
import { type FaultPlan, gravity } from './fault-plan.ts'
import { SimulatedAuthority, type SimulatedCertificate } from './simulated-authority.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

/** A world with its clock, in which a simulation plays. */
export class Scene {
  readonly world: World
  readonly clock: SimulatedClock
  readonly log: EventLog
  readonly certificates: readonly SimulatedCertificate[]
  readonly #faults: ReadonlyMap<AuthorityPlan, readonly FaultPlan[]>
  #violation: Violation | undefined

  constructor(world: World, log: EventLog) {
    this.world = world
    this.log = log
    this.clock = new SimulatedClock(world.start)
    const authorities = world.authorities.map((plan) => new SimulatedAuthority(plan))
    this.certificates = world.certificates.flatMap(
      (plan) => authorities[plan.authority.index]?.issue(plan) ?? [],
    )
    this.#faults = Map.groupBy(world.faults, ({ authority }) => authority)
  }

  /** The true time, by which CAs and their responders go; the clock's wall clock may be wrong. */
  now(): EpochMs {
    return plus(this.world.start, this.clock.monotonic())
  }

  /** How far the wall clock is ahead of the true time. */
  ahead(): number {
    return this.clock.now() - this.now()
  }

  faultsOf(authority: AuthorityPlan): readonly FaultPlan[] {
    return this.#faults.get(authority) ?? []
  }

  /** The faults of a responder at a moment: the one that spares nobody, and those that strike some. */
  faultsAt(
    authority: AuthorityPlan,
    at: EpochMs,
  ): { readonly whole: FaultPlan | undefined; readonly some: readonly FaultPlan[] } {
    const now = this.faultsOf(authority).filter(({ from, to }) => from <= at && at < to)
    return {
      whole: now.find(({ kind }) => gravity[kind] !== 'some'),
      some: now.filter(({ kind }) => gravity[kind] === 'some'),
    }
  }

  /** Something is not as it must be. The first is what the simulation ends with, as soon as nothing is under way. */
  violate(invariant: string, problem: string, certificate?: SimulatedCertificate): void {
    this.#violation ??= new Violation({
      ...{ invariant, problem, seed: this.world.seed, at: this.now() },
      certificate: certificate?.plan.name,
      events: this.log.last,
    })
  }

  /** Throws the first {@link Violation}, if there was one. */
  throwIfViolated(): void {
    if (this.#violation !== undefined) throw this.#violation
  }
}
