import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../../der/time.ts'
import type { CertificateRecord } from '../../store/store.ts'
import type { Clock } from '../../time/clock.ts'
import { certificatePem } from '../../x509/pem.ts'
import { CentreError } from './http-centre.ts'

/** What offers are made with. */
export interface OffersOptions {
  readonly centre: {
    /** Has the centre keep a staple for a certificate; `chain` is PEM, the leaf first. */
    offer(chain: string, signal: AbortSignal): Promise<void>
  }
  readonly clock: Clock
  readonly events: {
    /** The centre did not take a certificate. `retryIn`: it is offered again; `undefined`: the centre wants it never. */
    offerFailed(event: {
      readonly certificate: CertificateRecord
      readonly problem: string
      readonly retryIn: DurationMs | undefined
    }): void
  }
}

/** Has the centre manage certificates of this edge: their public part, with their issuers. Offered again until the centre has taken them. */
export class Offers {
  readonly #options: OffersOptions
  readonly #open = new Map<string, CertificateRecord>()
  #wake: AbortController = new AbortController()

  constructor(options: OffersOptions) {
    this.#options = options
  }

  /** Offers these, which the centre does not manage, and no others that are still open. */
  offer(certificates: readonly CertificateRecord[]): void {
    this.#open.clear()
    for (const certificate of certificates) this.#open.set(certificate.id, certificate)
    this.#wake.abort()
  }

  /** Runs until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    let failures = 0
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const woken = AbortSignal.any([signal, this.#wake.signal])
      const retryIn = durationMs(Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** failures))
      const outcome = await this.#round(retryIn, signal)
      failures = outcome === 'failed' ? failures + 1 : 0
      await clock.sleep(outcome === 'failed' ? retryIn : LONGEST_PAUSE, woken)
    }
  }

  /** Offers one after the other; the first failure that is not about the certificate itself ends it. */
  async #round(retryIn: DurationMs, signal: AbortSignal): Promise<'done' | 'failed'> {
    const { centre, events } = this.#options
    for (const certificate of [...this.#open.values()]) {
      if (signal.aborted) return 'done'
      const { id, der, issuer } = certificate
      const chain = [der, ...(issuer === undefined ? [] : [issuer])].map(certificatePem).join('')
      try {
        await centre.offer(chain, signal)
        this.#open.delete(id)
      } catch (error) {
        if (signal.aborted) return 'done'
        if (!(error instanceof Error)) throw error
        const isRefused = error instanceof CentreError && REFUSED.includes(error.statusCode ?? 0)
        const again = isRefused ? undefined : retryIn
        events.offerFailed({ certificate, problem: error.message, retryIn: again })
        if (!isRefused) return 'failed'
        this.#open.delete(id)
      }
    }
    return 'done'
  }
}

/** What the API answers where there is something wrong with the certificate (docs/api.md). */
const REFUSED: readonly number[] = [400, 413, 422]
const SHORTEST_PAUSE: DurationMs = durationMs(2 * SECOND_MS)
const LONGEST_PAUSE: DurationMs = durationMs(MINUTE_MS)
