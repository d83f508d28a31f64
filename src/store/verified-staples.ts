import { LRUCache } from 'lru-cache'
import type { EpochMs } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { Finding, Staple } from '../ocsp/verdict.ts'
import type { Clock } from '../time/clock.ts'
import { parseIssued } from '../x509/issued-certificate.ts'
import { servedStaple } from './served-staple.ts'
import type { Entry, StapleRecord, Store } from './store.ts'

/** What the serving path tells. */
export interface VerifiedStaplesEvents {
  /** A stored staple that was good once is refused now, by a newer policy or because its bytes were changed; it is not handed out. */
  stapleRefused(event: { readonly id: string; readonly findings: readonly Finding[] }): void
}

/** What the serving path needs. */
export interface VerifiedStaplesOptions {
  readonly store: Pick<Store, 'entry'>
  readonly clock: Pick<Clock, 'now'>
  readonly policy: Policy
  readonly events: VerifiedStaplesEvents
  /** Staples held in memory. Default: 10,000, some 20 MB. */
  readonly cacheSize?: number
}

/**
 * Staples for servers and outputs, from memory or from the store. What the store gives is judged anew before it is handed out, so neither a
 * restart nor a damaged disk nor a stricter policy lets a bad one through; nothing is handed out past its usableUntil.
 */
export class VerifiedStaples {
  readonly #options: VerifiedStaplesOptions
  readonly #byId: LRUCache<string, Held>
  readonly #idByCertIDKey: LRUCache<string, string>
  /** The `fetchedAt` of refused staples that were told about: once each, not with every request. */
  readonly #refused: LRUCache<string, EpochMs>
  /** Counts what `forget` was told, so that a look-up begun before does not keep what it found. */
  #changes = 0

  constructor(options: VerifiedStaplesOptions) {
    const max = options.cacheSize ?? DEFAULT_CACHE_SIZE
    this.#options = options
    this.#byId = new LRUCache({ max })
    this.#idByCertIDKey = new LRUCache({ max })
    this.#refused = new LRUCache({ max })
  }

  /** The usable staple of the certificate with this `certIDKey()`; `undefined` where it is not managed or has none. Rejects with a `StoreError`. */
  async byCertIDKey(certIDKey: string): Promise<Staple | undefined> {
    const id = this.#idByCertIDKey.get(certIDKey)
    const held = id === undefined ? undefined : this.#held(id)
    // The CertID of a certificate changes with its issuer.
    return held?.certIDKey === certIDKey ? held.staple : this.#read({ certIDKey })
  }

  /** The usable staple of the certificate with this fingerprint; as {@link byCertIDKey}. */
  async byId(id: string): Promise<Staple | undefined> {
    return this.#held(id)?.staple ?? this.#read({ id })
  }

  /** The staple of this certificate has changed in the store. */
  forget(id: string): void {
    this.#changes++
    this.#byId.delete(id)
  }

  #held(id: string): Held | undefined {
    const held = this.#byId.get(id)
    return held !== undefined && held.until > this.#options.clock.now() ? held : undefined
  }

  async #read(by: Parameters<Store['entry']>[0]): Promise<Staple | undefined> {
    const changes = this.#changes
    const entry = await this.#options.store.entry(by)
    const staple = entry && this.#judge(entry)
    if (entry === undefined || staple === undefined) return undefined
    const { id, certIDKey } = entry.certificate
    const next = entry.staple?.servedFrom ?? Number.POSITIVE_INFINITY
    const until =
      next > this.#options.clock.now() ? Math.min(staple.usableUntil, next) : staple.usableUntil
    // Of two look-ups at once both give the object that is kept: what is derived from a staple is kept by its identity.
    const held = this.#held(id)
    if (changes !== this.#changes) return staple
    if (held !== undefined && held.certIDKey === certIDKey) return held.staple
    this.#byId.set(id, { staple, certIDKey, until })
    if (certIDKey !== undefined) this.#idByCertIDKey.set(certIDKey, id)
    return staple
  }

  #judge(entry: Entry): Staple | undefined {
    const { clock, policy } = this.#options
    const now = clock.now()
    const { certificate: record } = entry
    const staple = servedStaple(entry, now)
    if (staple === undefined || record.issuer === undefined || staple.usableUntil <= now) {
      return undefined
    }
    const issued = parseIssued(record)
    if (issued === undefined) return this.#refuse(record.id, staple, [])
    const verdict = judge({ response: staple.der, ...issued, now, policy })
    if (!verdict.accepted) return this.#refuse(record.id, staple, verdict.findings)
    return verdict.staple.usableUntil > now
      ? { ...verdict.staple, received: staple.received }
      : undefined
  }

  #refuse(id: string, { fetchedAt }: StapleRecord, findings: readonly Finding[]): undefined {
    if (this.#refused.get(id) === fetchedAt) return
    this.#refused.set(id, fetchedAt)
    this.#options.events.stapleRefused({ id, findings })
  }
}

interface Held {
  readonly staple: Staple
  readonly certIDKey: string | undefined
  /** When it is to be read again: it ends, or a newer one takes its place. */
  readonly until: number
}

const DEFAULT_CACHE_SIZE = 10_000
