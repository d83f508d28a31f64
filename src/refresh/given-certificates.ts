import { classify, displayName } from '../certificates/classify.ts'
import {
  type DurationMs,
  durationMs,
  type EpochMs,
  MINUTE_MS,
  plus,
  SECOND_MS,
} from '../der/time.ts'
import { BEING_FETCHED, type CertificateRecord, type Store, StoreError } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { isMustStaple } from '../x509/extensions.ts'
import { API, type IntakeChanges, isGiven, isSame, recordOf } from './intake.ts'
import type { Turns } from './turns.ts'

/** What the API gives. */
export interface GivenCertificate {
  readonly certificate: Certificate
  /** `undefined` where it was not given along. */
  readonly issuer: Certificate | undefined
}

/** What given certificates are kept with. */
export interface GivenCertificatesOptions {
  readonly store: Store
  readonly clock: Clock
  readonly events: {
    certificatesChanged(changes: IntakeChanges): void
    storeFailed(event: { readonly error: unknown }): void
  }
  /** Shared with the intake of files: a certificate may come both ways at the same moment. */
  readonly turns: Turns
  /** Called for each certificate that was put into the store or removed from it. */
  readonly changed: (certificate: CertificateRecord) => void
  /** Called with all given certificates that need their issuer fetched, when there are others than before. */
  readonly orphaned: (orphans: readonly Certificate[]) => void
  /** Called when one may be due. */
  readonly due: () => void
}

/**
 * Certificates that came by the API. Their records are in the store, like all others, with `api` as source; a file that holds one takes it over, with
 * all that is known of it. Those that no file takes over go when they are removed or expire.
 */
export class GivenCertificates {
  readonly #options: GivenCertificatesOptions
  /** When the classification of each changes by itself, by id. Nothing is lost with it: each intake tells it again. */
  #changesAt = new Map<string, EpochMs>()
  readonly #orphans = new Map<string, Certificate>()

  constructor(options: GivenCertificatesOptions) {
    this.#options = options
  }

  /**
   * Keeps a staple for this certificate from now on. One that is known stays what it is, with its staple and its files; an issuer that was not known is
   * taken. Rejects with a `StoreError`.
   */
  async take({ certificate, issuer }: GivenCertificate): Promise<void> {
    const { store, clock, turns } = this.#options
    const id = certificate.fingerprint
    const taken = await turns.take(async () => {
      const now = clock.now()
      const known = await store.entry({ id })
      const { sources = [API], issuer: knownIssuer } = known?.certificate ?? {}
      // The files' own issuer stays in force, or the next look at them would change it back.
      const isFiles = !isGiven(sources) && knownIssuer !== undefined
      const found = foundOf({ certificate, issuer: isFiles ? undefined : issuer }, sources, now)
      const record = recordOf(found, known, now)
      if (known !== undefined && isSame(known.certificate, record)) return undefined
      await store.putCertificates([record], now)
      return { record, isNew: known === undefined }
    })
    if (taken !== undefined) this.#tell([taken.record], taken.isNew ? 'added' : 'changed')
    await this.#hurry(id)
    this.#options.due()
  }

  /** Ends the management of a certificate that no file holds. Rejects with a `StoreError`. */
  async remove(id: string): Promise<'removed' | 'unknown' | 'in-files'> {
    const { store, turns } = this.#options
    return turns.take(async () => {
      const record = (await store.entry({ id }))?.certificate
      if (record === undefined) return 'unknown'
      if (!isGiven(record.sources)) return 'in-files'
      await store.removeCertificates([id])
      this.#tell([record], 'removed')
      return 'removed'
    })
  }

  /** These, and no others, are what the store holds of given certificates, as an intake of files has just seen. */
  know(records: readonly CertificateRecord[]): void {
    this.#changesAt = new Map()
    this.#orphans.clear()
    for (const record of records) this.#note(record)
    this.#options.orphaned([...this.#orphans.values()])
  }

  /** Removes what has expired and takes up what has become valid, until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, events } = this.#options
    while (!signal.aborted) {
      await clock.sleep(LOOK_EVERY, signal)
      const now = clock.now()
      for (const [id, at] of this.#changesAt) {
        if (at > now || signal.aborted) continue
        await this.#change(id, now).catch((error: unknown) => {
          if (!(error instanceof StoreError)) throw error
          events.storeFailed({ error })
        })
      }
    }
  }

  async #change(id: string, now: EpochMs): Promise<void> {
    const { store } = this.#options
    const record = (await store.entry({ id }))?.certificate
    const certificate = record && parseCertificate(record.der)
    if (record === undefined || certificate === undefined || 'kind' in certificate) {
      this.#changesAt.delete(id)
    } else if (now > record.notAfter) await this.remove(id)
    else await this.take({ certificate, issuer: undefined })
  }

  #note(record: CertificateRecord): void {
    const certificate = parseCertificate(record.der)
    if ('kind' in certificate || !isGiven(record.sources)) return
    const isEarly = record.classification === 'not-yet-valid'
    const at = isEarly ? certificate.notBefore : plus(certificate.notAfter, 1)
    this.#changesAt.set(record.id, at)
    if (record.classification === 'issuer-missing') this.#orphans.set(record.id, certificate)
    else this.#orphans.delete(record.id)
  }

  #tell(records: readonly CertificateRecord[], what: 'added' | 'changed' | 'removed'): void {
    const { events, changed, orphaned } = this.#options
    const isRemoved = what === 'removed'
    events.certificatesChanged({
      put: isRemoved ? [] : records,
      added: what === 'added' ? records : [],
      removed: isRemoved ? records : [],
      orphans: [],
    })
    for (const record of records) {
      this.#changesAt.delete(record.id)
      this.#orphans.delete(record.id)
      if (!isRemoved) this.#note(record)
      changed(record)
    }
    orphaned([...this.#orphans.values()])
  }

  /** Somebody waits for it: what has no staple is asked about now, unless that was done a moment ago. */
  async #hurry(id: string): Promise<void> {
    const { store, clock } = this.#options
    const { schedule, staple } = (await store.entry({ id })) ?? {}
    const now = clock.now()
    if (schedule === undefined || schedule.dueAt <= now || schedule.reason === BEING_FETCHED) return
    if (staple !== undefined && staple.usableUntil > now) return
    const { lastAttemptAt } = schedule
    if (lastAttemptAt !== undefined && plus(lastAttemptAt, AGAIN_AFTER) > now) return
    await store.complete(id, { ...schedule, dueAt: now, reason: 'asked for' })
  }
}

function foundOf(
  { certificate, issuer }: GivenCertificate,
  sources: readonly string[],
  now: EpochMs,
) {
  return {
    certificate,
    issuer,
    sources,
    ...classify(certificate, issuer, now),
    name: displayName(certificate),
    mustStaple: isMustStaple(certificate.extensions),
  }
}

const LOOK_EVERY: DurationMs = durationMs(MINUTE_MS)
/** Hooks that call in a loop must not become a load for the CA. */
const AGAIN_AFTER: DurationMs = durationMs(10 * SECOND_MS)
