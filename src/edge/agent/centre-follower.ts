import { createHash } from 'node:crypto'
import { type DurationMs, durationMs, type EpochMs, SECOND_MS } from '../../der/time.ts'
import type { Policy } from '../../ocsp/policy.ts'
import type { FeedEvent, PlacedEvent } from '../../serve/feed-event.ts'
import type { CertificateRecord, Entry, StapleRecord, Store } from '../../store/store.ts'
import type { Clock, Random } from '../../time/clock.ts'
import { FeedError } from './event-stream.ts'
import { takeStaple } from './take-staple.ts'

/** What following a centre tells. */
export interface CentreEvents {
  centreReached(event: { readonly centre: string }): void
  /** It cannot be reached, or sends what it must not; staples in hand are served on. */
  centreAway(event: {
    readonly centre: string
    readonly problem: string
    readonly retryIn: DurationMs
  }): void
  /** A staple from the centre is stored. */
  stapleReceived(event: {
    readonly certificate: CertificateRecord
    readonly staple: StapleRecord
  }): void
  /** The centre sent for this certificate what is not to be handed out; what was in hand is kept. */
  stapleNotTaken(event: { readonly certificate: CertificateRecord; readonly problem: string }): void
  /** The centre says that the CA has revoked it; its staple is withdrawn. */
  certificateRevoked(event: {
    readonly certificate: CertificateRecord
    readonly problem: string
  }): void
  /** Certificates of this machine that the centre does not manage. */
  notManaged(event: { readonly certificates: readonly CertificateRecord[] }): void
  /** The clock here and that of the centre differ by half a minute or more. */
  centreClockDiffers(event: { readonly centre: string; readonly ahead: DurationMs }): void
  storeFailed(event: { readonly error: unknown }): void
}

/** The centre, as a follower reaches it. */
export interface Centre {
  /** Its URL. */
  readonly url: string
  /** By how much the clock here was ahead of its clock when it last answered; `undefined` before that. */
  readonly ahead: DurationMs | undefined
  /** The feed for these certificates, after a place. Throws what keeps it from being read, with a message for people. */
  changes(
    wanted: { readonly fingerprints: readonly string[]; readonly place: string | undefined },
    signal: AbortSignal,
  ): AsyncIterable<PlacedEvent>
}

/** Where in the feed of which centre an edge is, for which certificates. */
export interface Whereabouts {
  readonly centre: string
  /** Of the fingerprints: for others, the feed is to be read from its beginning. */
  readonly certificates: string
  readonly place: string
}

/** What a follower works with. */
export interface CentreFollowerOptions {
  readonly centre: Centre
  readonly store: Pick<Store, 'entry' | 'complete' | 'withdrawStaple' | 'certificateIds'>
  /** Keeps where it is over restarts. */
  readonly whereabouts: {
    read(): Promise<Whereabouts | undefined>
    write(whereabouts: Whereabouts): Promise<void>
  }
  readonly clock: Clock
  readonly random: Random
  readonly policy: Policy
  readonly events: CentreEvents
  /** Called after the staple of a certificate was stored or withdrawn. */
  readonly changed: (certificate: CertificateRecord) => void
}

/**
 * Follows the feed of a centre for the certificates of this machine. Nothing that a centre says is believed but what the CA has signed; what it
 * does not say takes nothing away: staples in hand are served to their end.
 */
export class CentreFollower {
  readonly #options: CentreFollowerOptions
  #again: AbortController = new AbortController()
  #awaySince: EpochMs | undefined
  #failures = 0

  constructor(options: CentreFollowerOptions) {
    this.#options = options
    this.#awaySince = options.clock.now()
  }

  /** Since when the centre is away; `undefined` while it is followed. */
  get awaySince(): EpochMs | undefined {
    return this.#awaySince
  }

  /** The certificates of this machine are others than before. */
  refresh(): void {
    this.#again.abort()
  }

  /** Runs until `signal` is aborted. Rejects only where the program is wrong. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, centre, events } = this.#options
    while (!signal.aborted) {
      this.#again = new AbortController()
      const again = this.#again.signal
      const problem = await this.#follow(AbortSignal.any([signal, again]))
      if (signal.aborted || again.aborted) continue
      this.#awaySince ??= clock.now()
      const longest = Math.min(LONGEST_PAUSE, SECOND_MS * 2 ** this.#failures++)
      const retryIn = durationMs(Math.round(SHORTEST_PAUSE + random() * longest))
      events.centreAway({ centre: centre.url, problem, retryIn })
      await clock.sleep(retryIn, AbortSignal.any([signal, again]))
    }
  }

  /** Follows one connection to its end; why it ended. */
  async #follow(signal: AbortSignal): Promise<string> {
    const { centre, store, events, whereabouts } = this.#options
    try {
      const fingerprints = [...(await store.certificateIds())].sort()
      const certificates = digestOf(fingerprints)
      const known = await whereabouts.read()
      const isSame = known?.centre === centre.url && known.certificates === certificates
      const place = isSame ? known.place : undefined
      const reading = new Reading(fingerprints, this.#options)
      for await (const event of centre.changes({ fingerprints, place }, signal)) {
        this.#reached()
        const next = await reading.take(event)
        if (next !== undefined) {
          await whereabouts.write({ centre: centre.url, certificates, place: next })
        }
      }
      return 'the connection was closed'
    } catch (error) {
      if (!(error instanceof Error)) throw error
      if (!('code' in error) || (error.code !== 'STORE' && error.code !== 'DURABLE_FILE')) {
        return error.message
      }
      events.storeFailed({ error })
      return 'what it sends cannot be stored here'
    }
  }

  #reached(): void {
    const { centre, events } = this.#options
    if (this.#awaySince !== undefined) {
      events.centreReached({ centre: centre.url })
      const { ahead, url } = centre
      if (ahead !== undefined && Math.abs(ahead) >= TOO_FAR_OFF) {
        events.centreClockDiffers({ centre: url, ahead })
      }
    }
    this.#awaySince = undefined
    this.#failures = 0
  }
}

/** What is read over one connection. */
class Reading {
  readonly #options: CentreFollowerOptions
  /** The last event about each certificate that is still to be taken in: only the last one matters. */
  #waiting = new Map<string, CertificateEvent>()
  /** Those that nothing was said of since the reset; `undefined` where there was none. */
  #untold: Set<string> | undefined
  readonly #fingerprints: readonly string[]
  #refusals = 0

  constructor(fingerprints: readonly string[], options: CentreFollowerOptions) {
    this.#fingerprints = fingerprints
    this.#options = options
  }

  /** Takes an event; gives the place up to which all has been taken in, where there is a new one. */
  async take({ event, place }: PlacedEvent): Promise<string | undefined> {
    if (event.kind === 'reset') {
      this.#untold = new Set(this.#fingerprints)
      return undefined
    }
    if (event.kind !== 'current') {
      this.#waiting.set(event.fingerprint, event)
      if (event.kind !== 'removed') this.#untold?.delete(event.fingerprint)
      if (this.#waiting.size < BATCH) return undefined
    }
    const batch = [...this.#waiting.values()]
    this.#waiting = new Map()
    await Promise.all(batch.map((one) => this.#takeIn(one)))
    if (this.#refusals > MOST_REFUSALS) {
      throw new FeedError(`it sent ${this.#refusals} staples that are not to be handed out`)
    }
    if (event.kind === 'current') await this.#tellNotManaged()
    return place
  }

  async #takeIn(event: CertificateEvent): Promise<void> {
    const { store } = this.#options
    const entry = await store.entry({ id: event.fingerprint })
    if (entry === undefined) this.#refusals++
    else if (event.kind === 'staple') await this.#takeStaple(entry, event.staple)
    else if (event.kind === 'revoked') await this.#revoke(entry, event.asOf)
  }

  async #takeStaple(entry: Entry, der: Uint8Array): Promise<void> {
    const { store, clock, policy, events, centre, changed } = this.#options
    const { certificate } = entry
    const taking = takeStaple(entry, { der, from: centre.url }, { policy, now: clock.now() })
    switch (taking.kind) {
      case 'take':
        await store.complete(certificate.id, taking.next, { staple: taking.staple })
        events.stapleReceived({ certificate, staple: taking.staple })
        changed(certificate)
        break
      case 'refuse':
        this.#refusals++
        events.stapleNotTaken({ certificate, problem: taking.problem })
        break
      case 'keep':
    }
  }

  async #revoke({ certificate, schedule, staple }: Entry, asOf: EpochMs): Promise<void> {
    const { store, events, changed } = this.#options
    if (schedule === undefined || schedule.revokedAsOf === asOf) return
    if (staple !== undefined && staple.thisUpdate > asOf) return
    const problem = 'the centre says so'
    await Promise.all([
      store.complete(certificate.id, { ...schedule, revokedAsOf: asOf, lastError: 'revoked' }),
      store.withdrawStaple(certificate.id),
    ])
    changed(certificate)
    events.certificateRevoked({ certificate, problem })
  }

  async #tellNotManaged(): Promise<void> {
    const { store, events } = this.#options
    const ids = [...(this.#untold ?? [])]
    this.#untold = undefined
    const entries = await Promise.all(ids.map((id) => store.entry({ id })))
    const certificates = entries
      .flatMap((entry) => entry?.certificate ?? [])
      .filter(({ classification }) => classification === 'ocsp')
    if (certificates.length > 0) events.notManaged({ certificates })
  }
}

type CertificateEvent = Extract<FeedEvent, { readonly fingerprint: string }>

function digestOf(fingerprints: readonly string[]): string {
  return createHash('sha256').update(fingerprints.join()).digest('hex')
}

/** As with responders: clients begin to refuse at a minute. */
const TOO_FAR_OFF: DurationMs = durationMs(30 * SECOND_MS)
/** Taken in at a time: they share one write to the disk. */
const BATCH = 100
/** A centre that sends more than these is mistaken or lies, and is left alone for a while. */
const MOST_REFUSALS = 100
const SHORTEST_PAUSE: DurationMs = durationMs(SECOND_MS / 2)
const LONGEST_PAUSE: DurationMs = durationMs(30 * SECOND_MS)
