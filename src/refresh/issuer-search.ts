import { type DurationMs, durationMs, HOUR_MS, MINUTE_MS } from '../der/time.ts'
import { fetchIssuer } from '../responders/ca-issuers.ts'
import type { Transport } from '../responders/transport.ts'
import type { CertificateRecord, Store } from '../store/store.ts'
import type { Clock, Random } from '../time/clock.ts'
import { jitter } from '../time/jitter.ts'
import type { Certificate } from '../x509/certificate.ts'
import { findIssuer } from '../x509/issuer.ts'
import { withIssuer } from './intake.ts'

/** What the search tells. */
export interface IssuerSearchEvents {
  issuerFound(event: { readonly certificate: CertificateRecord; readonly url: string }): void
  issuerNotFound(event: {
    readonly certificate: CertificateRecord
    readonly problem: string
    readonly retryIn: DurationMs
  }): void
  storeFailed(event: { readonly error: unknown }): void
}

/** What the search works with. */
export interface IssuerSearchOptions {
  readonly store: Store
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly events: IssuerSearchEvents
  /** Called when a certificate has become one that can have a staple. */
  readonly found: () => void
}

/**
 * Fetches the issuers that no file holds, by AIA caIssuers, one after the other, again with back-off while that fails. What it looks
 * for is told anew with every snapshot, so nothing of it is kept over a restart.
 */
export class IssuerSearch {
  readonly #options: IssuerSearchOptions
  #wanted: readonly Certificate[] = []
  readonly #fetched = new Map<string, Certificate>()
  #wake: AbortController = new AbortController()

  constructor(options: IssuerSearchOptions) {
    this.#options = options
  }

  /** Replaces the list of certificates whose issuers are looked for. */
  want(orphans: readonly Certificate[]): void {
    this.#wanted = orphans
    this.#wake.abort()
  }

  /** Runs until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    let rounds = 0
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const wanted = this.#wanted
      const wait = durationMs(Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** rounds))
      const missing: Certificate[] = []
      for (const certificate of wanted) {
        if (!signal.aborted && !(await this.#search(certificate, wait, signal))) {
          missing.push(certificate)
        }
      }
      if (this.#wanted === wanted) this.#wanted = missing
      rounds = missing.length === 0 ? 0 : rounds + 1
      const pause = this.#wanted.length === 0 ? FOREVER : jitter(wait, 0.1, random)
      await clock.sleep(pause, AbortSignal.any([signal, this.#wake.signal]))
    }
  }

  async #search(
    certificate: Certificate,
    retryIn: DurationMs,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { store, transport, clock, events, found } = this.#options
    const known = findIssuer(certificate, this.#fetched.values())
    const outcome =
      known === undefined
        ? await fetchIssuer({ certificate, transport, signal })
        : ({ kind: 'issuer', issuer: known, url: 'an issuer fetched before' } as const)
    try {
      const entry = await store.entry({ id: certificate.fingerprint })
      if (entry === undefined || signal.aborted) return true
      if (outcome.kind === 'failed') {
        const { problem } = outcome
        events.issuerNotFound({ certificate: entry.certificate, problem, retryIn })
        return false
      }
      if (this.#fetched.size >= MAX_REMEMBERED) this.#fetched.clear()
      this.#fetched.set(outcome.issuer.fingerprint, outcome.issuer)
      const record = withIssuer(entry.certificate, certificate, outcome.issuer, clock.now())
      await store.putCertificates([record], clock.now())
      events.issuerFound({ certificate: record, url: outcome.url })
      found()
      return true
    } catch (error) {
      events.storeFailed({ error })
      return false
    }
  }
}

const FIRST_WAIT = MINUTE_MS
const LONGEST_WAIT = HOUR_MS
const FOREVER: DurationMs = durationMs(24 * HOUR_MS)
/** There are a few thousand issuing CAs in the world. */
const MAX_REMEMBERED = 1_000
