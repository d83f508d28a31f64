import { type DurationMs, durationMs, HOUR_MS, MINUTE_MS } from '../der/time.ts'
import { fetchIssuer, type IssuerOutcome } from '../responders/ca-issuers.ts'
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
  #wanted = new Map<string, Orphan>()
  readonly #fetched = new Map<string, Certificate>()
  #wake: AbortController = new AbortController()

  constructor(options: IssuerSearchOptions) {
    this.#options = options
  }

  /** Replaces the list of certificates whose issuers are looked for. Those that were on it wait as long as they would have. */
  want(orphans: readonly Certificate[]): void {
    const before = this.#wanted
    this.#wanted = new Map(
      orphans.map((certificate) => {
        const { fingerprint } = certificate
        return [fingerprint, before.get(fingerprint) ?? { certificate, failures: 0, dueAt: 0 }]
      }),
    )
    this.#wake.abort()
  }

  /** Runs until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    while (!signal.aborted) {
      // Before the look, so that what is wanted during it is not slept through.
      this.#wake = new AbortController()
      await this.#round(signal)
      let dueAt = clock.monotonic() + LONGEST_WAIT
      for (const orphan of this.#wanted.values()) dueAt = Math.min(dueAt, orphan.dueAt)
      const pause = durationMs(dueAt - clock.monotonic())
      await clock.sleep(pause, AbortSignal.any([signal, this.#wake.signal]))
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    const failed = new Map<string, IssuerOutcome>()
    for (const orphan of this.#wanted.values()) {
      if (signal.aborted || orphan.dueAt > clock.monotonic()) continue
      const backOff = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(orphan.failures, 10))
      const wait = jitter(durationMs(backOff), 0.1, random)
      const result = await this.#search(orphan.certificate, { wait, failed, signal })
      if (result === 'settled') this.#wanted.delete(orphan.certificate.fingerprint)
      orphan.failures++
      orphan.dueAt = clock.monotonic() + wait
    }
  }

  async #search(
    certificate: Certificate,
    { wait, failed, signal }: Search,
  ): Promise<'settled' | 'again'> {
    const { store, clock, events, found } = this.#options
    try {
      const outcome = await this.#outcomeFor(certificate, failed, signal)
      const entry = await store.entry({ id: certificate.fingerprint })
      if (entry === undefined || entry.certificate.issuer !== undefined || signal.aborted)
        return 'settled'
      if (outcome.kind === 'failed') {
        const { problem } = outcome
        events.issuerNotFound({ certificate: entry.certificate, problem, retryIn: wait })
        return 'again'
      }
      const record = withIssuer(entry.certificate, certificate, outcome.issuer, clock.now())
      await store.putCertificates([record], clock.now())
      events.issuerFound({ certificate: record, url: outcome.url })
      found()
      return 'settled'
    } catch (error) {
      events.storeFailed({ error })
      return 'again'
    }
  }

  /** Many certificates have the same issuer: it is fetched once, and asked for in vain once a round. */
  async #outcomeFor(
    certificate: Certificate,
    failed: Map<string, IssuerOutcome>,
    signal: AbortSignal,
  ): Promise<IssuerOutcome> {
    const { transport } = this.#options
    const known = findIssuer(certificate, this.#fetched.values())
    if (known !== undefined) return { kind: 'issuer', issuer: known, url: 'where others had it' }
    const key = issuerKey(certificate)
    const outcome = failed.get(key) ?? (await fetchIssuer({ certificate, transport, signal }))
    if (outcome.kind === 'failed') failed.set(key, outcome)
    else {
      if (this.#fetched.size >= MAX_REMEMBERED) this.#fetched.clear()
      this.#fetched.set(outcome.issuer.fingerprint, outcome.issuer)
    }
    return outcome
  }
}

interface Orphan {
  readonly certificate: Certificate
  failures: number
  /** By the monotonic clock. */
  dueAt: number
}

interface Search {
  readonly wait: DurationMs
  /** What was asked for in vain in this round. */
  readonly failed: Map<string, IssuerOutcome>
  readonly signal: AbortSignal
}

/** What the issuer of a certificate is known by: its name, its key, and where its certificate should be. */
function issuerKey({ issuer, extensions }: Certificate): string {
  const { caIssuersUrls, authorityKeyIdentifier } = extensions
  const bytes = [issuer, authorityKeyIdentifier ?? new Uint8Array()]
  return [...bytes.map((each) => Buffer.from(each).toString('hex')), ...caIssuersUrls].join(' ')
}

const FIRST_WAIT = MINUTE_MS
const LONGEST_WAIT = HOUR_MS
/** There are a few thousand issuing CAs in the world. */
const MAX_REMEMBERED = 1_000
