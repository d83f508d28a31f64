import { LRUCache } from 'lru-cache'
import { judge } from '../ocsp/judge.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { Finding, Staple } from '../ocsp/verdict.ts'
import type { Clock } from '../time/clock.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { Entry, Store } from './store.ts'

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
  readonly #byId: LRUCache<string, Staple>
  readonly #idByCertIDKey: LRUCache<string, string>
  /** Counts what `forget` was told, so that a look-up begun before does not keep what it found. */
  #changes = 0

  constructor(options: VerifiedStaplesOptions) {
    const max = options.cacheSize ?? DEFAULT_CACHE_SIZE
    this.#options = options
    this.#byId = new LRUCache({ max })
    this.#idByCertIDKey = new LRUCache({ max })
  }

  /** The usable staple of the certificate with this `certIDKey()`; `undefined` where it is not managed or has none. Rejects with a `StoreError`. */
  async byCertIDKey(certIDKey: string): Promise<Staple | undefined> {
    const id = this.#idByCertIDKey.get(certIDKey)
    const held = id === undefined ? undefined : this.#held(id)
    return held ?? (await this.#read({ certIDKey }))
  }

  /** The usable staple of the certificate with this fingerprint; as {@link byCertIDKey}. */
  async byId(id: string): Promise<Staple | undefined> {
    return this.#held(id) ?? (await this.#read({ id }))
  }

  /** The staple of this certificate has changed in the store. */
  forget(id: string): void {
    this.#changes++
    this.#byId.delete(id)
  }

  #held(id: string): Staple | undefined {
    const staple = this.#byId.get(id)
    return staple !== undefined && staple.usableUntil > this.#options.clock.now()
      ? staple
      : undefined
  }

  async #read(by: Parameters<Store['entry']>[0]): Promise<Staple | undefined> {
    const changes = this.#changes
    const entry = await this.#options.store.entry(by)
    const staple = entry && this.#judge(entry)
    if (entry === undefined || staple === undefined) return undefined
    if (changes === this.#changes) {
      this.#byId.set(entry.certificate.id, staple)
      if (entry.certificate.certIDKey !== undefined) {
        this.#idByCertIDKey.set(entry.certificate.certIDKey, entry.certificate.id)
      }
    }
    return staple
  }

  #judge({ certificate: record, staple }: Entry): Staple | undefined {
    const { clock, policy, events } = this.#options
    const now = clock.now()
    if (staple === undefined || record.issuer === undefined || staple.usableUntil <= now) {
      return undefined
    }
    const certificate = parseCertificate(record.der)
    const issuer = parseCertificate(record.issuer)
    if ('kind' in certificate || 'kind' in issuer) {
      events.stapleRefused({ id: record.id, findings: [] })
      return undefined
    }
    const verdict = judge({ response: staple.der, certificate, issuer, now, policy })
    if (verdict.accepted) return verdict.staple.usableUntil > now ? verdict.staple : undefined
    events.stapleRefused({ id: record.id, findings: verdict.findings })
    return undefined
  }
}

const DEFAULT_CACHE_SIZE = 10_000
