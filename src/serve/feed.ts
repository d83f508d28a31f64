import { type DurationMs, durationMs, type EpochMs, SECOND_MS } from '../der/time.ts'
import type { CertificateRecord, Change, Changes, Store } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { encodeFeedEvent, type FeedEvent } from './feed-event.ts'

/** Which certificates are asked for: those of these fingerprints, names or tags; all where none is given. */
export interface FeedFilter {
  readonly fingerprints: readonly string[]
  /** Names in which `*` stands for any characters: `*.example.org`. */
  readonly names: readonly string[]
  readonly tags: readonly string[]
}

/** Where events go. */
export interface FeedSink {
  /** Resolves when there is room for more; rejects when the reader has gone or takes too long. */
  write(text: string): Promise<void>
}

/** Who follows, and from where. */
export interface Following {
  readonly filter: FeedFilter
  /** The place that the last event named; `undefined` for all there is. */
  readonly place: string | undefined
  readonly sink: FeedSink
}

/** What the feed works with. */
export interface ChangeFeedOptions {
  readonly store: Pick<Store, 'changes'>
  readonly clock: Clock
  /** The tags of a certificate. */
  readonly tagsOf: (certificate: CertificateRecord) => readonly string[]
  /** Of what the tags mean, letters and digits: where it is another one, whoever asks by tags begins anew. Default: always the same. */
  readonly tagsVersion?: string
}

/**
 * Tells edges what has changed, in order, from wherever they stopped. The changes are in the store, and of a reader nothing is kept but its
 * place: one that is slow costs no more memory than another. Of several changes of one certificate, the last is told.
 */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions
  #changed: AbortController = new AbortController()
  #isPulsePlanned = false
  #pulsedAt: number = Number.NEGATIVE_INFINITY
  /** By the number before it: read once for all readers that are at the same place. */
  readonly #pages = new Map<number, Promise<Changes>>()

  constructor(options: ChangeFeedOptions) {
    this.#options = options
  }

  /** Something has changed in the store: readers are told at once, or a moment later where they were told a moment ago. */
  pulse(): void {
    if (this.#isPulsePlanned) return
    this.#isPulsePlanned = true
    const { clock } = this.#options
    const left = Math.max(0, this.#pulsedAt + GATHERING - clock.monotonic())
    void clock.sleep(durationMs(left), NEVER).then(() => {
      this.#isPulsePlanned = false
      this.#pulsedAt = clock.monotonic()
      this.#pages.clear()
      this.#changed.abort()
      this.#changed = new AbortController()
    })
  }

  /** Tells all that follows a place, until `signal` is aborted. Rejects with what the sink or the store does. */
  async follow({ filter, place, sink }: Following, signal: AbortSignal): Promise<void> {
    const { store, clock, tagsOf, tagsVersion = '' } = this.#options
    const { feed: id, last, forgotten } = await store.changes({ after: 0, limit: 0 })
    const feed = filter.tags.length === 0 ? id : `${id}${tagsVersion}`
    const tell = (event: FeedEvent, at: number) =>
      sink.write(encodeFeedEvent({ event, place: `${feed}-${at}` }))
    const matches = matcherOf(filter, tagsOf)
    const tellAll = async ({ changes }: Changes) => {
      const wanted = changes.filter(matches)
      const placed = wanted.map((change) => this.#encoded(change, `${feed}-${change.number}`))
      if (placed.length > 0) await sink.write(placed.join(''))
      return placed.length
    }

    let number = numberOf(place, feed) ?? 0
    if (number === 0 || number < forgotten || number > last) {
      number = 0
      await tell({ kind: 'reset' }, 0)
    }
    if (isOfFingerprints(filter)) {
      number = await this.#catchUp(filter.fingerprints, number, tellAll)
    }
    let toldAt = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      // Before the look, so that what happens during it is not slept through.
      const changed = this.#changed.signal
      const page = await this.#page(number)
      number = page.changes.at(-1)?.number ?? number
      const isNews = (await tellAll(page)) > 0
      if (page.changes.length === PAGE) continue
      if (isNews || clock.monotonic() - toldAt >= SILENT_FOR) {
        await tell({ kind: 'current' }, number)
        toldAt = clock.monotonic()
      }
      const left = durationMs(toldAt + SILENT_FOR - clock.monotonic())
      await clock.sleep(left, AbortSignal.any([signal, changed]))
    }
  }

  /** Tells the changes of few certificates without reading those of all the others; gives the number to go on from with those. */
  async #catchUp(
    ids: readonly string[],
    after: number,
    tellAll: (page: Changes) => Promise<number>,
  ): Promise<number> {
    const { store } = this.#options
    const { last } = await store.changes({ after, limit: 0 })
    let number = after
    while (true) {
      const page = await store.changes({ after: number, limit: PAGE, ids })
      number = page.changes.at(-1)?.number ?? number
      await tellAll(page)
      if (page.changes.length < PAGE) return Math.max(number, last)
    }
  }

  #page(after: number): Promise<Changes> {
    const known = this.#pages.get(after)
    if (known !== undefined) return known
    const page = this.#options.store.changes({ after, limit: PAGE })
    // Readers that are behind are each at a place of their own.
    if (this.#pages.size < MOST_PAGES) this.#pages.set(after, page)
    page.catch(() => this.#pages.delete(after))
    return page
  }

  #encoded(change: Change, place: string): string {
    return encodeFeedEvent({ event: eventOf(change, this.#options.clock.now()), place })
  }
}

function eventOf({ id: fingerprint, entry }: Change, now: EpochMs): FeedEvent {
  if (entry === undefined) return { kind: 'removed', fingerprint }
  const { staple, schedule } = entry
  if (staple !== undefined && staple.usableUntil > now) {
    return { kind: 'staple', fingerprint, staple: staple.der }
  }
  const { revokedAsOf: asOf, revocation: response } = schedule ?? {}
  return asOf === undefined
    ? { kind: 'missing', fingerprint }
    : { kind: 'revoked', fingerprint, asOf, response }
}

function isOfFingerprints({ fingerprints, names, tags }: FeedFilter): boolean {
  return fingerprints.length > 0 && names.length === 0 && tags.length === 0
}

/** Whether a change is asked for. A removed certificate has no name or tag any more: whoever asks by those is told of all that go. */
function matcherOf(
  { fingerprints, names, tags }: FeedFilter,
  tagsOf: ChangeFeedOptions['tagsOf'],
): (change: Change) => boolean {
  if (fingerprints.length + names.length + tags.length === 0) return () => true
  const ids = new Set(fingerprints)
  const patterns = names.map(patternOf)
  return ({ id, entry }) => {
    if (ids.has(id)) return true
    if (entry === undefined) return patterns.length + tags.length > 0
    const { certificate } = entry
    if (patterns.some((one) => one.test(certificate.name))) return true
    return tags.length > 0 && tagsOf(certificate).some((tag) => tags.includes(tag))
  }
}

function patternOf(name: string): RegExp {
  const parts = name.split('*').map((part) => RegExp.escape(part))
  return new RegExp(`^${parts.join('.*')}$`, 'i')
}

/** The number in a place of this feed. */
function numberOf(place: string | undefined, feed: string): number | undefined {
  const [id, number = ''] = place?.split('-') ?? []
  return id === feed && /^\d{1,15}$/.test(number) ? Number(number) : undefined
}

/** Changes read and written at a time: some 50 kB. */
const PAGE = 50
const MOST_PAGES = 100
/** A thousand readers that are woken take some milliseconds, and changes come in crowds. */
const GATHERING = 100
const NEVER: AbortSignal = new AbortController().signal
/** A reader that hears nothing for longer may take the connection for dead. */
const SILENT_FOR: DurationMs = durationMs(15 * SECOND_MS)
