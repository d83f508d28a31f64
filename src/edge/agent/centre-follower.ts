import { createHash } from 'node:crypto'
import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../../der/time.ts'
import type { Policy } from '../../ocsp/policy.ts'
import type { PlacedEvent } from '../../serve/feed-event.ts'
import type { CertificateRecord, StapleRecord, Store } from '../../store/store.ts'
import type { Clock, Random } from '../../time/clock.ts'
import { FeedReading } from './feed-reading.ts'

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
  /** The centre sent for this certificate what is not to be taken; what was in hand is kept. */
  stapleNotTaken(event: { readonly certificate: CertificateRecord; readonly problem: string }): void
  /** The centre has shown that the CA has revoked it; its staple is withdrawn. */
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
  /** Fingerprints of those that the centre did not manage then. */
  readonly notManaged: readonly string[]
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
  /** By the monotonic clock. */
  #awaySince: DurationMs | undefined
  #failures = 0
  #toldNotManaged = ''
  #isClockOff = false
  /** Of connections that are to end after a while, as what was refused over them may be taken then. */
  readonly #isLater = new WeakSet<AbortController>()

  constructor(options: CentreFollowerOptions) {
    this.#options = options
    this.#awaySince = options.clock.monotonic()
  }

  /** For how long the centre has been away; `undefined` while it is followed. */
  get awayFor(): DurationMs | undefined {
    if (this.#awaySince === undefined) return undefined
    return durationMs(this.#options.clock.monotonic() - this.#awaySince)
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
      const end = await this.#follow(AbortSignal.any([signal, again]))
      if (signal.aborted || again.aborted) continue
      const longest = Math.min(LONGEST_PAUSE, SECOND_MS * 2 ** this.#failures++)
      const retryIn = durationMs(Math.round(SHORTEST_PAUSE + random() * longest))
      if (end.kind === 'away') {
        this.#awaySince ??= clock.monotonic()
        events.centreAway({ centre: centre.url, problem: end.problem, retryIn })
      }
      await clock.sleep(retryIn, AbortSignal.any([signal, again]))
    }
  }

  /** Follows one connection to its end; why it ended. */
  async #follow(signal: AbortSignal): Promise<End> {
    const { centre, store, events, whereabouts } = this.#options
    try {
      const fingerprints = [...(await store.certificateIds())].sort()
      const certificates = digestOf(fingerprints)
      const known = await whereabouts.read()
      const isSame = known?.centre === centre.url && known.certificates === certificates
      let { place, notManaged } = isSame ? known : NOWHERE
      const reading = new FeedReading({ fingerprints, notManaged }, this.#options)
      for await (const event of centre.changes({ fingerprints, place }, signal)) {
        this.#reached()
        const next = await reading.take(event)
        if (event.event.kind === 'current') {
          notManaged = reading.notManaged
          await this.#upToDate(reading)
        }
        // What was refused for the clock of this machine, say, is to be sent once more.
        if (next === undefined || next === place || reading.refusals > 0) continue
        place = next
        await whereabouts
          .write({ centre: centre.url, certificates, place, notManaged })
          // It costs no more than that things are sent again after the next start.
          .catch((error: unknown) => events.storeFailed({ error }))
      }
      return { kind: 'away', problem: 'the connection was closed' }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      if (!('code' in error) || error.code !== 'STORE') {
        return { kind: 'away', problem: error.message }
      }
      events.storeFailed({ error })
      return { kind: 'not-stored' }
    }
  }

  #reached(): void {
    const { centre, events } = this.#options
    if (this.#awaySince !== undefined) events.centreReached({ centre: centre.url })
    this.#awaySince = undefined
  }

  /** All that the centre has to say was taken in. */
  async #upToDate({ refusals, notManaged }: FeedReading): Promise<void> {
    // One that lies is not asked as often as one that went away for a moment.
    if (refusals === 0) this.#failures = 0
    else this.#readAgainLater()
    this.#compareClocks()
    if (notManaged.join() !== this.#toldNotManaged) await this.#tellNotManaged(notManaged)
    this.#toldNotManaged = notManaged.join()
  }

  #readAgainLater(): void {
    const again = this.#again
    if (this.#isLater.has(again)) return
    this.#isLater.add(again)
    void this.#options.clock.sleep(AGAIN_AFTER, again.signal).then(() => again.abort())
  }

  async #tellNotManaged(ids: readonly string[]): Promise<void> {
    const { store, events } = this.#options
    const entries = await Promise.all(ids.map((id) => store.entry({ id })))
    const certificates = entries
      .flatMap((entry) => entry?.certificate ?? [])
      .filter(({ classification }) => classification === 'ocsp')
    if (certificates.length > 0) events.notManaged({ certificates })
  }

  #compareClocks(): void {
    const { centre, events } = this.#options
    const { ahead, url } = centre
    const isOff = ahead !== undefined && Math.abs(ahead) >= TOO_FAR_OFF
    if (isOff && !this.#isClockOff) events.centreClockDiffers({ centre: url, ahead })
    this.#isClockOff = isOff
  }
}

/** Why a connection has ended. */
type End =
  | { readonly kind: 'away'; readonly problem: string }
  /** The disk of this machine did not take what came: it is sent again with the next connection. */
  | { readonly kind: 'not-stored' }

function digestOf(fingerprints: readonly string[]): string {
  return createHash('sha256').update(fingerprints.join()).digest('hex')
}

/** As with responders: clients begin to refuse at a minute. */
const TOO_FAR_OFF: DurationMs = durationMs(30 * SECOND_MS)
const AGAIN_AFTER: DurationMs = durationMs(MINUTE_MS)
const SHORTEST_PAUSE: DurationMs = durationMs(SECOND_MS / 2)
const LONGEST_PAUSE: DurationMs = durationMs(30 * SECOND_MS)
const NOWHERE = { place: undefined, notManaged: [] } as const
