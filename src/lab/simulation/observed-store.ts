import { type EpochMs, plus } from '../../der/time.ts'
import {
  type Claim,
  type Outcome,
  type ResponderRecord,
  type Schedule,
  type Store,
  StoreError,
} from '../../store/store.ts'
import { DelegatingStore } from './delegating-store.ts'
import type { StoreFailure } from './incidents.ts'
import type { Life } from './life.ts'
import { rescheduled, type Tracked } from './tracked.ts'

/** What the store of one run of the service goes by. */
export interface ObservedStoreOptions {
  readonly store: Store
  readonly life: Life
  /** What the store does not do at this moment. */
  readonly failure: () => StoreFailure | undefined
  readonly tracked: ReadonlyMap<string, Tracked>
  /** Called before a new staple of a certificate is stored. */
  readonly storing: (tracked: Tracked) => void
}

/** The store as one run of the service has it: with its troubles, and watched. */
export class ObservedStore extends DelegatingStore {
  readonly #options: ObservedStoreOptions

  constructor(options: ObservedStoreOptions) {
    super(options.store)
    this.#options = options
  }

  override dueResponders(now: EpochMs): Promise<readonly string[]> {
    return this.#read(() => super.dueResponders(now))
  }

  override nextDueAt(): Promise<EpochMs | undefined> {
    return this.#read(() => super.nextDueAt())
  }

  override responders(): Promise<readonly ResponderRecord[]> {
    return this.#read(() => super.responders())
  }

  override replanAttemptedAfter(
    ...planned: Parameters<Store['replanAttemptedAfter']>
  ): Promise<void> {
    return this.#write(async () => {
      await super.replanAttemptedAfter(...planned)
      for (const tracked of this.#options.tracked.values()) await this.#follow(tracked)
    })
  }

  override putResponder(record: ResponderRecord): Promise<void> {
    return this.#write(() => super.putResponder(record))
  }

  override withdrawStaple(id: string): Promise<void> {
    return this.#write(() => super.withdrawStaple(id))
  }

  override claimDue(options: Parameters<Store['claimDue']>[0]): Promise<readonly Claim[]> {
    return this.#write(async () => {
      const claims = await super.claimDue(options)
      for (const { certificate } of claims) {
        const tracked = this.#options.tracked.get(certificate.id)
        if (tracked !== undefined) tracked.dueAt = plus(options.now, options.lease)
      }
      return claims
    })
  }

  override complete(id: string, schedule: Schedule, outcome?: Outcome): Promise<void> {
    return this.#write(async () => {
      const tracked = this.#options.tracked.get(id)
      if (outcome?.staple !== undefined && tracked !== undefined) this.#options.storing(tracked)
      await super.complete(id, schedule, outcome)
      if (tracked === undefined) return
      rescheduled(tracked, schedule)
      if (outcome?.staple === undefined) return
      tracked.stored++
      tracked.storedUntil = outcome.staple.usableUntil
    })
  }

  async #follow(tracked: Tracked): Promise<void> {
    const entry = await super.entry({ id: tracked.id })
    if (entry?.schedule !== undefined) tracked.dueAt = entry.schedule.dueAt
  }

  #read<T>(work: () => Promise<T>): Promise<T> {
    return this.#options.life.live(async () => {
      if (this.#options.failure() === 'gone') throw new StoreError('the disk is gone')
      return work()
    })
  }

  #write<T>(work: () => Promise<T>): Promise<T> {
    return this.#options.life.live(async () => {
      const failure = this.#options.failure()
      if (failure === 'gone' || failure === 'refuses') throw new StoreError('the disk is full')
      const done = await work()
      if (failure === 'forgets-to-tell') throw new StoreError('the disk does not say what it did')
      return done
    })
  }
}
