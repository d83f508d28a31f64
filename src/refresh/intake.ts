import { setImmediate as turn } from 'node:timers/promises'
import { classify, httpOcspUrls } from '../certificates/classify.ts'
import { type FoundCertificate, hasLeft, type Snapshot } from '../certificates/source.ts'
import type { EpochMs } from '../der/time.ts'
import { certID, certIDKey } from '../ocsp/request.ts'
import { originOf } from '../responders/request-url.ts'
import type { CertificateRecord, Entry, Store } from '../store/store.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'

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

/**
 * Brings the store to what the sources hold: new certificates are due at once, changed ones keep their staples, those that left are
 * removed with staple and schedule. An issuer that was fetched before is kept. Throws a `StoreError`.
 */
export async function takeIn(
  store: Store,
  snapshot: Snapshot,
  now: EpochMs,
): Promise<IntakeChanges> {
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
  const removed = await gone(store, snapshot)
  if (put.length > 0) await store.putCertificates(put, now)
  if (removed.length > 0) await store.removeCertificates(removed.map(({ id }) => id))
  await store.replaceProblems(snapshot.problems)
  return { put, added, removed, orphans }
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

function recordOf(
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
  const issuer = parseCertificate(known.certificate.issuer)
  return 'kind' in issuer ? undefined : issuer
}

async function gone(store: Store, snapshot: Snapshot): Promise<CertificateRecord[]> {
  const present = new Set(snapshot.certificates.map(({ certificate }) => certificate.fingerprint))
  const removed: CertificateRecord[] = []
  for (const id of await store.certificateIds()) {
    if (present.has(id)) continue
    const entry = await store.entry({ id })
    if (entry !== undefined && hasLeft(snapshot, entry.certificate.sources)) {
      removed.push(entry.certificate)
    }
  }
  return removed
}

function isSame(a: CertificateRecord, b: CertificateRecord): boolean {
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
