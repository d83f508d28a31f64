import { setImmediate as turn } from 'node:timers/promises'
import { classify, httpOcspUrls } from '../certificates/classify.ts'
import { type FoundCertificate, hasLeft, type Snapshot } from '../certificates/source.ts'
import type { EpochMs } from '../der/time.ts'
import { certID, certIDKey } from '../ocsp/request.ts'
import { originOf } from '../responders/request-url.ts'
import type { CertificateRecord, Entry, Store } from '../store/store.ts'
import type { Certificate } from '../x509/certificate.ts'
import { parseIssuer } from '../x509/parse-issuer.ts'

/** What a snapshot changed in the store. */
export interface IntakeChanges {
  /** New, or different from before: another issuer, other files, another classification. */
  readonly put: readonly CertificateRecord[]
  /** Those of `put` that the store did not know. */
  readonly added: readonly CertificateRecord[]
  readonly removed: readonly CertificateRecord[]
  /** Certificates that need their issuer's certificate fetched. */
  readonly orphans: readonly Certificate[]
}

/** What an intake changed, and what it left alone. */
export interface Intake extends IntakeChanges {
  /** Certificates that no file holds, as the API gave them: they stay. */
  readonly given: readonly CertificateRecord[]
}

/** The source of a certificate that the API gave, in place of files. */
export const API = 'api'

/** Whether no file holds a certificate with these sources: the API gave it. */
export function isGiven(sources: readonly string[]): boolean {
  return sources.length === 1 && sources[0] === API
}

/** The part of a store that an intake needs. */
export type IntakeStore = Pick<
  Store,
  'entry' | 'certificateIds' | 'putCertificates' | 'removeCertificates' | 'replaceProblems'
>

/**
 * Brings the store to what the sources hold: new certificates are due at once, changed ones keep their staples, those that left are
 * removed with staple and schedule. An issuer that was fetched before is kept. A certificate that the API gave belongs to the files
 * from when they hold it. Throws a `StoreError`.
 */
export async function takeIn(
  store: IntakeStore,
  snapshot: Snapshot,
  now: EpochMs,
): Promise<Intake> {
  const put: CertificateRecord[] = []
  const added: CertificateRecord[] = []
  const orphans: Certificate[] = []
  for (const [index, found] of snapshot.certificates.entries()) {
    if (index % PAGE === PAGE - 1) await turn()
    const known = await store.entry({ id: found.certificate.fingerprint })
    const record = recordOf(found, known, now)
    if (record.classification === 'issuer-missing') orphans.push(found.certificate)
    if (known !== undefined && isSame(known.certificate, record)) continue
    put.push(record)
    if (known === undefined) added.push(record)
  }
  const { removed, given } = await absent(store, snapshot)
  if (put.length > 0) await store.putCertificates(put, now)
  if (removed.length > 0) await store.removeCertificates(removed.map(({ id }) => id))
  await store.replaceProblems(snapshot.problems)
  return { put, added, removed, orphans, given }
}

/** The record of a certificate whose issuer has just become known. */
export function withIssuer(
  record: CertificateRecord,
  certificate: Certificate,
  issuer: Certificate,
  now: EpochMs,
): CertificateRecord {
  return {
    ...record,
    issuer: issuer.der,
    classification: classify(certificate, issuer, now).classification,
    certIDKey: certIDKey(certID(certificate, issuer)),
  }
}

/** The record of a certificate as it was found, beside what is known of it. */
export function recordOf(
  found: FoundCertificate,
  known: Entry | undefined,
  now: EpochMs,
): CertificateRecord {
  const { certificate, issuer, sources, classification, name, mustStaple } = found
  const [url] = httpOcspUrls(certificate)
  const record: CertificateRecord = {
    id: certificate.fingerprint,
    der: certificate.der,
    issuer: undefined,
    name,
    sources,
    classification,
    mustStaple,
    notAfter: certificate.notAfter,
    certIDKey: undefined,
    responder: url === undefined ? '' : originOf(url),
  }
  const best = issuer ?? issuerOf(known)
  return best === undefined ? record : withIssuer(record, certificate, best, now)
}

/** The issuer that was used before, such as one fetched by AIA. */
function issuerOf(known: Entry | undefined): Certificate | undefined {
  if (known?.certificate.issuer === undefined) return undefined
  const issuer = parseIssuer(known.certificate.issuer)
  return 'kind' in issuer ? undefined : issuer
}

/** What the snapshot does not have. */
async function absent(
  store: IntakeStore,
  snapshot: Snapshot,
): Promise<Pick<Intake, 'removed' | 'given'>> {
  const present = new Set(snapshot.certificates.map(({ certificate }) => certificate.fingerprint))
  const removed: CertificateRecord[] = []
  const given: CertificateRecord[] = []
  for (const id of await store.certificateIds()) {
    if (present.has(id)) continue
    const record = (await store.entry({ id }))?.certificate
    if (record === undefined) continue
    if (isGiven(record.sources)) given.push(record)
    else if (hasLeft(snapshot, record.sources)) removed.push(record)
  }
  return { removed, given }
}

/** Whether nothing would change. */
export function isSame(a: CertificateRecord, b: CertificateRecord): boolean {
  return (
    a.classification === b.classification &&
    a.name === b.name &&
    a.certIDKey === b.certIDKey &&
    a.responder === b.responder &&
    a.sources.join('\0') === b.sources.join('\0') &&
    Buffer.compare(a.issuer ?? NOTHING, b.issuer ?? NOTHING) === 0
  )
}

const NOTHING = new Uint8Array()
/** Certificates compared, in some milliseconds, before handshakes and others get their turn. */
const PAGE = 100
