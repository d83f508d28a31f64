import { durationMs, type EpochMs, epochMs, MINUTE_MS, plus, SECOND_MS } from '../../der/time.ts'
import { takeIn } from '../../refresh/intake.ts'
import type { Random } from '../../time/clock.ts'
import { MemoryStore } from '../memory-store.ts'
import { seededRandom } from '../seeded-random.ts'
import { Ceilings } from './ceilings.ts'
import { snapshotOf } from './certificates.ts'
import { checkEconomy } from './economy.ts'
import { gravity } from './fault-plan.ts'
import { checkHandedOut } from './handed-out.ts'
import type { Incident, StoreFailure } from './incidents.ts'
import { Life } from './life.ts'
import { checkRemains, checkUnderWay } from './memory.ts'
import { type Exchange, SimulatedNetwork } from './network.ts'
import { ObservedStore } from './observed-store.ts'
import { checkPresence, type Machine } from './presence.ts'
import type { Scene } from './scene.ts'
import { Service } from './service.ts'
import type { Spoil } from './spoil.ts'
import { checkStarvation } from './starvation.ts'
import { coveredUntil, type Tracked, untracked } from './tracked.ts'

/**
 * Plays a world to its end: the service runs, what is planned happens, and the invariants are looked at: when time has come to anything that
 * could change what is handed out, before anything begins or ends in the world, and every ten minutes.
 */
export class Play {
  readonly #scene: Scene
  readonly #spoil: Spoil
  readonly #store = new MemoryStore()
  readonly #network: SimulatedNetwork
  readonly #random: Random
  readonly #tracked: ReadonlyMap<string, Tracked>
  #service: Service | undefined
  #failure: StoreFailure | undefined
  /** From when on nothing that happened to the machine is in the way any more. */
  #calmFrom: EpochMs

  constructor(scene: Scene, spoil: Spoil) {
    this.#scene = scene
    this.#spoil = spoil
    this.#calmFrom = scene.world.start
    this.#random = seededRandom(scene.world.seed, 'crawler')
    const all = scene.certificates.map((each) => untracked(each, scene.world.end))
    this.#tracked = new Map(all.map((each) => [each.id, each]))
    this.#network = new SimulatedNetwork(scene, (exchange) => this.#exchanged(exchange))
  }

  /** Throws the first `Violation`. */
  async run(): Promise<{ readonly requests: number; readonly staples: number }> {
    const { world } = this.#scene
    await this.#start()
    const moments = [...this.#moments(), { at: world.end, happen: () => this.#end() }]
    let tick = plus(world.start, TICK)
    for (const { at, happen } of moments.sort((a, b) => a.at - b.at)) {
      while (this.#scene.now() < at) {
        await this.#advanceTo(Math.min(at, tick, this.#nextEnd()))
        const isTick = this.#scene.now() >= tick
        if (isTick) tick = plus(tick, TICK)
        await this.#look(isTick ? 'all' : 'changed')
        this.#scene.throwIfViolated()
      }
      await happen()
      this.#scene.throwIfViolated()
    }
    const all = [...this.#tracked.values()]
    const total = (of: 'requests' | 'stored') => all.reduce((sum, each) => sum + each[of], 0)
    return { requests: total('requests'), staples: total('stored') }
  }

  /** All that is planned. Faults come and go by themselves, and are only looked at. */
  #moments(): { readonly at: EpochMs; readonly happen: () => Promise<void> }[] {
    const { incidents, faults, certificates, end } = this.#scene.world
    const arrivals = certificates.flatMap(({ addedAt, removedAt, notAfter }) => [
      addedAt,
      removedAt,
      plus(notAfter, SECOND_MS),
      // Once more, as the wall clock may have been late.
      plus(notAfter, 20 * MINUTE_MS),
    ])
    const all = [
      ...incidents.map((each) => ({ at: each.at, happen: () => this.#happen(each) })),
      ...faults.flatMap(({ from, to, kind, authority }) => [
        { at: from, happen: async () => this.#note(`${authority.name}: ${kind} begins`) },
        { at: to, happen: async () => this.#note(`${authority.name}: ${kind} ends`) },
      ]),
      ...arrivals.map((at) => ({ at, happen: () => this.#takeIn() })),
    ]
    return all.filter(({ at }) => at > this.#scene.world.start && at < end)
  }

  async #happen(incident: Incident): Promise<void> {
    this.#note(`${incident.kind} ${'how' in incident ? incident.how : ''}`)
    const now = this.#scene.now()
    switch (incident.kind) {
      case 'kill':
        this.#service?.kill()
        this.#service = undefined
        return
      case 'stop':
        await this.#service?.stop()
        this.#service = undefined
        return
      case 'start':
        return this.#start()
      case 'store-fails':
        this.#failure = incident.how
        return
      case 'store-mended':
        this.#failure = undefined
        this.#disturbed(plus(now, LEASE))
        return
      case 'wall-clock-steps':
        this.#scene.clock.stepWallClock(incident.by)
        this.#disturbed(plus(now, Math.abs(incident.by)))
        for (const each of this.#tracked.values()) each.isChanged = true
    }
  }

  async #start(): Promise<void> {
    // Two restarts that overlap.
    if (this.#service !== undefined) return
    const { world } = this.#scene
    const [life, ceilings] = [new Life(), new Ceilings(this.#scene)]
    const {
      store = (each) => each,
      kept = (each) => each,
      transport = (each) => each,
    } = this.#spoil
    const observed = new ObservedStore({
      ...{ store: this.#store, life, tracked: this.#tracked },
      failure: () => this.#failure,
      storing: (tracked) => this.#beforeStaple(tracked),
    })
    this.#service = new Service({
      ...{ scene: this.#scene, life, ceilings, random: this.#random, tracked: this.#tracked },
      store: store(observed),
      kept: kept(this.#store),
      transport: transport(this.#network.transport(life, ceilings)),
    })
    if (this.#scene.now() > world.start) this.#disturbed(plus(this.#scene.now(), LEASE))
    for (const each of this.#tracked.values()) each.isChanged = true
    await this.#takeIn()
  }

  /** What the source follower does when files have come or gone. */
  async #takeIn(): Promise<void> {
    if (this.#service === undefined) return
    const [now, snapshot] = [this.#scene.clock.now(), snapshotOf(this.#scene)]
    const { put, removed } = await takeIn(this.#store, snapshot, now)
    for (const { id } of [...put, ...removed]) this.#service.forget(id)
    this.#service.wake()
    const managed = snapshot.certificates
      .filter(({ classification }) => classification === 'ocsp')
      .map(({ certificate }) => certificate.fingerprint)
    for (const each of this.#tracked.values()) {
      const isManaged = managed.includes(each.id)
      if (isManaged && each.managedSince === undefined) {
        Object.assign(each, { managedSince: this.#scene.now(), dueAt: now })
      }
      if (!isManaged) each.managedSince = undefined
    }
  }

  async #look(at: 'all' | 'changed'): Promise<void> {
    const service = this.#service
    if (service === undefined) return
    const now = this.#scene.clock.now()
    for (const each of this.#tracked.values()) {
      if (at === 'all') checkStarvation(this.#scene, each, this.#machine)
      const isOver = coveredUntil(each) <= now
      if (each.managedSince === undefined || (at === 'changed' && !each.isChanged && !isOver))
        continue
      each.isChanged = false
      const staple = await service.staple(each.id)
      checkHandedOut(this.#scene, each, staple)
      each.handed = staple
      if (staple === undefined) checkPresence(this.#scene, each, this.#machine)
    }
  }

  /** The last moment of a time without a staple. */
  #beforeStaple(tracked: Tracked): void {
    const isCovered = coveredUntil(tracked) > this.#scene.clock.now()
    if (tracked.managedSince === undefined || isCovered) return
    checkPresence(this.#scene, tracked, this.#machine)
  }

  /** When the first of what is handed out ends, in true time. */
  #nextEnd(): number {
    let next = Number.POSITIVE_INFINITY
    const now = this.#scene.clock.now()
    for (const each of this.#tracked.values()) {
      const until = coveredUntil(each)
      if (each.managedSince !== undefined && until > now) next = Math.min(next, until)
    }
    return next - this.#scene.ahead()
  }

  get #machine(): Machine {
    const isWell = this.#service !== undefined && this.#failure === undefined
    const isCalm = isWell && this.#calmFrom <= this.#scene.now()
    return { calmSince: isCalm ? this.#calmFrom : undefined }
  }

  #disturbed(until: EpochMs): void {
    this.#calmFrom = epochMs(Math.max(this.#calmFrom, until))
  }

  #exchanged({ certificate, met }: Exchange): void {
    checkUnderWay(this.#scene, this.#service?.underWay ?? 0)
    const tracked = this.#tracked.get(certificate.leaf.certificate.fingerprint)
    if (tracked === undefined) return
    tracked.requests++
    // By a wrong clock a good answer may be one from the future.
    if (this.#scene.ahead() !== 0) tracked.met.add('certificate')
    if (met !== undefined) tracked.met.add(met === 'too-new' ? met : gravity[met.kind])
  }

  #note(what: string): void {
    this.#scene.log.add(this.#scene.now(), what)
  }

  async #end(): Promise<void> {
    await this.#service?.stop()
    checkEconomy(this.#scene, [...this.#tracked.values()])
    // Those of killed runs sleep on for a minute at most.
    await this.#advanceTo(plus(this.#scene.now(), 2 * MINUTE_MS))
    await checkRemains(this.#scene, this.#store)
  }

  async #advanceTo(at: number): Promise<void> {
    await this.#scene.clock.advance(durationMs(Math.max(0, at - this.#scene.now())))
  }
}

const TICK = 10 * MINUTE_MS
/** After a crash, or where the store did not take the outcome, a claim lies still for this long. */
const LEASE = 3 * MINUTE_MS
