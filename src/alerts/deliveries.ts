import { DAY_MS, type DurationMs, durationMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import type { Clock, Random } from '../time/clock.ts'
import type { Alert } from './alert.ts'

/** An alert on its way, with an id that is the same in every attempt. */
export interface Message {
  readonly id: string
  readonly alert: Alert
}

/** Where alerts go: a command or a webhook. */
export interface Destination {
  /** For the log: never a secret. */
  readonly to: string
  /** Takes some seconds at most. Never rejects. */
  attempt(message: Message): Promise<AttemptResult>
}

/** How an attempt went. */
export type AttemptResult = { readonly kind: 'done' } | FailedAttempt

/** An attempt that failed. */
export interface FailedAttempt {
  readonly kind: 'failed'
  readonly problem: string
  /** What a command wrote, else empty. */
  readonly output: string
  /** Whether another attempt makes sense; not before `retryAfter`, where the receiver asked for that. */
  readonly again: 'yes' | 'no'
  readonly retryAfter?: DurationMs | undefined
}

/** What deliveries tell. */
export interface DeliveryEvents {
  alertSent(event: { readonly to: string; readonly alert: Alert }): void
  alertFailed(event: {
    readonly to: string
    readonly alert: Alert
    readonly problem: string
    readonly output: string
    /** `undefined` when it is not tried again. */
    readonly retryIn: DurationMs | undefined
  }): void
  /** Alerts that were not delivered are given up. */
  alertsDropped(event: {
    readonly to: string
    readonly count: number
    readonly oldest: Alert
    readonly reason: string
  }): void
}

/** What deliveries work with. */
export interface DeliveriesOptions {
  readonly destination: Destination
  readonly clock: Clock
  readonly random: Random
  readonly events: DeliveryEvents
  /** Messages that may wait. Default: 1,000, less than a megabyte. */
  readonly mostWaiting?: number
}

/**
 * Brings alerts to one destination: one at a time, each again for a day while it fails. A destination that is away holds up no other, and
 * what waits is in memory only: bounded, and given up when this is disposed of, after the attempt that is under way.
 */
export class Deliveries implements AsyncDisposable {
  readonly #options: DeliveriesOptions
  /** In the order in which they were added. */
  readonly #waiting = new Set<Waiting>()
  #underWay: Waiting | undefined
  /** Given up, and not told of yet: thousands may be at once, and are told of together. */
  #dropped: { readonly count: number; readonly oldest: Alert } | undefined
  readonly #stop = new AbortController()
  #wake: AbortController = new AbortController()
  readonly #loop: Promise<void>

  constructor(options: DeliveriesOptions) {
    this.#options = options
    this.#loop = this.#run()
  }

  /** Delivers it as soon as may be. Returns at once. */
  add(message: Message): void {
    const { clock, mostWaiting = MOST_WAITING } = this.#options
    const now = clock.monotonic()
    this.#waiting.add({ message, attempts: 0, dueAt: now, until: durationMs(now + DAY_MS) })
    if (this.#waiting.size > mostWaiting) this.#dropOldest()
    this.#wake.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#loop
    this.#tellDropped()
    const [oldest] = this.#waiting
    if (oldest === undefined) return
    const { events, destination } = this.#options
    const { alert } = oldest.message
    const count = this.#waiting.size
    events.alertsDropped({
      to: destination.to,
      count,
      oldest: alert,
      reason: 'everstaple stops',
    })
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    const stop = this.#stop.signal
    while (!stop.aborted) {
      // Before the look, so that what is added meanwhile is not slept through.
      this.#wake = new AbortController()
      this.#tellDropped()
      const next = earliest(this.#waiting)
      const wait = next === undefined ? LONGEST_SLEEP : durationMs(next.dueAt - clock.monotonic())
      if (next !== undefined && wait <= 0) await this.#try(next)
      else await clock.sleep(wait, AbortSignal.any([stop, this.#wake.signal]))
    }
  }

  async #try(waiting: Waiting): Promise<void> {
    const { destination, events } = this.#options
    const { message } = waiting
    this.#underWay = waiting
    const result = await destination.attempt(message)
    this.#underWay = undefined
    const { to } = destination
    const { alert } = message
    const isOver = result.kind === 'done' || this.#stop.signal.aborted
    const retryIn = isOver ? undefined : this.#retry(waiting, result)
    if (retryIn === undefined) this.#waiting.delete(waiting)
    if (result.kind === 'done') return events.alertSent({ to, alert })
    const { problem, output } = result
    events.alertFailed({ to, alert, problem, output, retryIn })
  }

  /** Plans another attempt, where it is to have one; it keeps its place. */
  #retry(waiting: Waiting, { again, retryAfter }: FailedAttempt): DurationMs | undefined {
    const { clock, random } = this.#options
    waiting.attempts += 1
    const asked = Math.min(retryAfter ?? 0, LONGEST_WAIT)
    const wait = durationMs(Math.max(backOff(waiting.attempts, random), asked))
    const dueAt = durationMs(clock.monotonic() + wait)
    if (again === 'no' || dueAt > waiting.until) return undefined
    waiting.dueAt = dueAt
    return wait
  }

  #dropOldest(): void {
    const [first, second] = this.#waiting
    const oldest = first === this.#underWay ? second : first
    if (oldest === undefined) return
    this.#waiting.delete(oldest)
    const { alert } = oldest.message
    const before = this.#dropped ?? { count: 0, oldest: alert }
    this.#dropped = { ...before, count: before.count + 1 }
  }

  #tellDropped(): void {
    if (this.#dropped === undefined) return
    const { events, destination, mostWaiting = MOST_WAITING } = this.#options
    const reason = `more than ${mostWaiting} wait`
    events.alertsDropped({ to: destination.to, ...this.#dropped, reason })
    this.#dropped = undefined
  }
}

interface Waiting {
  readonly message: Message
  /** Those that failed. */
  attempts: number
  /** In elapsed time, as is `until`, when it is given up. */
  dueAt: DurationMs
  readonly until: DurationMs
}

function earliest(all: Iterable<Waiting>): Waiting | undefined {
  let first: Waiting | undefined
  for (const waiting of all) if (first === undefined || waiting.dueAt < first.dueAt) first = waiting
  return first
}

/** Full jitter: anything up to 10 s, 20 s, 40 s … an hour, and at least a second. */
function backOff(attempts: number, random: Random): DurationMs {
  const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(attempts - 1, MOST_DOUBLINGS))
  return durationMs(Math.round(Math.max(SECOND_MS, most * random())))
}

const MOST_WAITING = 1_000
const FIRST_WAIT = 10 * SECOND_MS
const LONGEST_WAIT = HOUR_MS
/** 10 s doubled nine times is more than the longest wait. */
const MOST_DOUBLINGS = 9
const LONGEST_SLEEP: DurationMs = durationMs(MINUTE_MS)
