import { durationMs, MINUTE_MS } from '../../der/time.ts'
import type { FeedEvent, PlacedEvent } from '../../serve/feed-event.ts'
import type { Entry, Schedule } from '../../store/store.ts'
import type { CentreFollowerOptions } from './centre-follower.ts'
import { FeedError } from './event-stream.ts'
import { takeRevocation } from './take-revocation.ts'
import { takeStaple } from './take-staple.ts'
import type { Taking } from './taking.ts'

/** What is read for. */
export interface ReadFor {
  readonly fingerprints: readonly string[]
  /** Those of them that the centre did not manage when it was last read. */
  readonly notManaged: readonly string[]
}

/** What is read over one connection. */
export class FeedReading {
  readonly #options: CentreFollowerOptions
  readonly #fingerprints: ReadonlySet<string>
  /** The last event about each certificate that is still to be taken in: only the last one matters. */
  #waiting = new Map<string, CertificateEvent>()
  /** Those that are not managed, as far as it was read; after a reset, all until something is said of them. */
  #notManaged: Set<string>
  /** Those of which an older staple came than was in hand. */
  readonly #older = new Set<string>()
  #refusals = 0
  /** The minute that events are counted in. */
  #minute = { since: durationMs(0), events: 0 }

  constructor({ fingerprints, notManaged }: ReadFor, options: CentreFollowerOptions) {
    this.#fingerprints = new Set(fingerprints)
    this.#notManaged = new Set(notManaged)
    this.#options = options
  }

  /** Events that were not to be sent. */
  get refusals(): number {
    return this.#refusals
  }

  /** Fingerprints, sorted. */
  get notManaged(): readonly string[] {
    return [...this.#notManaged].sort()
  }

  /**
   * Takes an event; gives the place up to which all has been taken in, where there is a new one. Throws a {@link FeedError} for a centre that sends
   * what it must not, again and again, and what the store does.
   */
  async take({ event, place }: PlacedEvent): Promise<string | undefined> {
    this.#count()
    if (event.kind === 'reset') {
      this.#notManaged = new Set(this.#fingerprints)
      return undefined
    }
    if (event.kind !== 'current') {
      this.#note(event)
      if (this.#waiting.size < BATCH) return undefined
    }
    const batch = [...this.#waiting.values()]
    this.#waiting = new Map()
    await Promise.all(batch.map((one) => this.#takeIn(one)))
    if (this.#refusals > MOST_REFUSALS) {
      throw new FeedError(`it sent ${this.#refusals} responses that are not to be taken`)
    }
    return place
  }

  #count(): void {
    const now = this.#options.clock.monotonic()
    if (now - this.#minute.since >= MINUTE_MS) this.#minute = { since: now, events: 0 }
    if (++this.#minute.events > MOST_EVENTS + this.#fingerprints.size * MOST_EVENTS_EACH) {
      throw new FeedError(`it sent ${this.#minute.events} events in a minute`)
    }
  }

  #note(event: CertificateEvent): void {
    const { fingerprint, kind } = event
    this.#waiting.set(fingerprint, event)
    if (kind !== 'removed') this.#notManaged.delete(fingerprint)
    else if (this.#fingerprints.has(fingerprint)) this.#notManaged.add(fingerprint)
  }

  async #takeIn(event: CertificateEvent): Promise<void> {
    const { store } = this.#options
    const entry = await store.entry({ id: event.fingerprint })
    if (entry === undefined) this.#refusals++
    else await this.#carryOut(entry, this.#judge(entry, event))
  }

  #judge(entry: Entry, event: CertificateEvent): Taking {
    const { clock, policy, centre } = this.#options
    const by = { policy, now: clock.now() }
    switch (event.kind) {
      case 'staple':
        return takeStaple(entry, { der: event.staple, from: centre.url }, by)
      case 'revoked':
        return takeRevocation(entry, event.response, by)
      case 'missing':
      case 'removed':
        return { kind: 'keep' }
    }
  }

  async #carryOut(entry: Entry, taking: Taking): Promise<void> {
    const { store, events, changed } = this.#options
    const { certificate } = entry
    switch (taking.kind) {
      case 'take':
        await store.complete(certificate.id, taking.next, { staple: taking.staple })
        events.stapleReceived({ certificate, staple: taking.staple })
        changed(certificate)
        break
      case 'withdraw':
        await this.#withdraw(entry, taking.next)
        break
      case 'refuse':
        this.#refusals++
        events.stapleNotTaken({ certificate, problem: taking.problem })
        break
      case 'older':
        // Said once: a centre that repeats it is not one that was restored.
        if (this.#older.has(certificate.id)) this.#refusals++
        else events.stapleNotTaken({ certificate, problem: taking.problem })
        this.#older.add(certificate.id)
        break
      case 'keep':
    }
  }

  async #withdraw({ certificate, schedule, staple }: Entry, next: Schedule): Promise<void> {
    const { store, events, changed } = this.#options
    await Promise.all([store.complete(certificate.id, next), store.withdrawStaple(certificate.id)])
    changed(certificate)
    // A newer response that says the same is no news.
    if (staple === undefined && schedule?.revokedAsOf !== undefined) return
    const problem = 'shown by a response that the centre has sent'
    events.certificateRevoked({ certificate, problem })
  }
}

type CertificateEvent = Extract<FeedEvent, { readonly fingerprint: string }>

/** Taken in at a time: they share one write to the disk. */
const BATCH = 100
/** A centre that sends more than these is mistaken or lies, and is left alone for a while. */
const MOST_REFUSALS = 100
/** In a minute, for all and more for each certificate: CAs are asked a few times a day. */
const MOST_EVENTS = 1_000
const MOST_EVENTS_EACH = 10
