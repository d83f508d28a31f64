import { type DurationMs, durationMs, type EpochMs } from '../der/time.ts'
import { type Habits, learn, type Renewal, unknownHabits } from '../responders/cadence.ts'
import type { Attempt } from '../responders/fetch-staple.ts'
import { FirstMethod } from '../responders/first-method.ts'
import { type Begun, type HealthLimits, ResponderHealth, type Sign } from '../responders/health.ts'
import type { ResponderRecord } from '../store/store.ts'
import type { Clock, Random } from '../time/clock.ts'

/** What the book tells. */
export interface ResponderEvents {
  /** Nothing but trouble: it is only probed from now on, and what is due there waits. */
  responderAway(event: { readonly responder: string }): void
  /** A probe was answered. */
  responderBack(event: { readonly responder: string; readonly after: DurationMs }): void
}

/** What the book works with. */
export interface ResponderBookOptions {
  readonly limits: HealthLimits
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  readonly random: Random
  readonly events: ResponderEvents
}

/** What is known of every responder: how it does at this moment, and its habits, which outlive a restart. */
export class ResponderBook {
  readonly #options: ResponderBookOptions
  readonly #pages = new Map<string, Page>()
  readonly #changed = new Set<string>()

  constructor(options: ResponderBookOptions) {
    this.#options = options
  }

  /** Takes in what an earlier run had learnt. Health is not believed: whoever was away then may be back. */
  load(records: readonly ResponderRecord[]): void {
    for (const { responder, habits, goneSince } of records) {
      Object.assign(this.#page(responder), { habits, goneSince })
    }
  }

  habits(responder: string): Habits {
    return this.#pages.get(responder)?.habits ?? unknownHabits
  }

  /** Since when nobody seems to answer OCSP there any more, whatever is asked about; `undefined` while somebody does. */
  goneSince(responder: string): EpochMs | undefined {
    return this.#pages.get(responder)?.goneSince
  }

  /** By which method the next fetch begins. */
  firstMethod(responder: string): 'GET' | 'POST' {
    return this.#page(responder).method.next()
  }

  /** Takes in by which methods a fetch was answered. */
  learnMethod(responder: string, attempts: readonly Attempt[]): void {
    this.#page(responder).method.learn(attempts)
  }

  learn(responder: string, renewal: Renewal): void {
    const page = this.#page(responder)
    page.habits = learn(page.habits, renewal)
    this.#changed.add(responder)
  }

  /** How many fetches may begin now. */
  room(responder: string): number {
    return this.#page(responder).health.room(this.#options.clock.monotonic())
  }

  /** How many fetches it may have under way at once as it does now; none but the probes while it is away. */
  window(responder: string): number {
    return this.#page(responder).health.window
  }

  /** How long until there is room although no fetch ends; `undefined` where only that can make room. */
  roomIn(responder: string): number | undefined {
    const now = this.#options.clock.monotonic()
    const at = this.#page(responder).health.roomAt(now)
    return at === undefined ? undefined : at - now
  }

  begin(responder: string): Begun {
    return this.#page(responder).health.begin(this.#options.clock.monotonic())
  }

  /** A fetch has ended; without a sign it tells nothing. */
  end(responder: string, begun: Begun, sign: Sign | undefined): void {
    const { clock, events } = this.#options
    const page = this.#page(responder)
    const before = page.health.state
    page.health.end(begun, sign, clock.monotonic())
    if (sign !== undefined) this.#look(responder, sign, clock.now())
    const isAway = page.health.state !== 'closed'
    if (isAway === (before !== 'closed')) return
    const now = clock.now()
    if (isAway) events.responderAway({ responder })
    else events.responderBack({ responder, after: durationMs(now - page.since) })
    page.since = now
    this.#changed.add(responder)
  }

  #look(responder: string, { url }: Sign, now: EpochMs): void {
    const page = this.#page(responder)
    const goneSince = url === 'gone' ? (page.goneSince ?? now) : undefined
    if (goneSince === page.goneSince) return
    page.goneSince = goneSince
    this.#changed.add(responder)
  }

  /** What has changed since the last call, to be kept. */
  takeChanges(): ResponderRecord[] {
    const records = [...this.#changed].map((responder): ResponderRecord => {
      const { habits, health, since, goneSince } = this.#page(responder)
      const state = health.state === 'closed' ? 'closed' : 'open'
      return { responder, habits, health: { state, since }, goneSince }
    })
    this.#changed.clear()
    return records
  }

  #page(responder: string): Page {
    const known = this.#pages.get(responder)
    if (known !== undefined) return known
    const { limits, random, clock } = this.#options
    const health = new ResponderHealth(limits, random)
    const page: Page = {
      health,
      habits: unknownHabits,
      since: clock.now(),
      goneSince: undefined,
      method: new FirstMethod(),
    }
    this.#pages.set(responder, page)
    return page
  }
}

interface Page {
  readonly health: ResponderHealth
  /** Soon learnt again after a restart. */
  readonly method: FirstMethod
  habits: Habits
  /** Since when the state is as it is. */
  since: EpochMs
  goneSince: EpochMs | undefined
}
