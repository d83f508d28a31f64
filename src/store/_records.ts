import { DAY_MS, durationMs, type EpochMs, epochMs, HOUR_MS, plus } from '../der/time.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'
import type { CertificateRecord, Entry, Schedule, StapleRecord, Store } from './store.ts'

/** The moment around which the contract plays. */
export const NOW: EpochMs = epochMs(1_800_000_000_000)

/** A certificate that is classified `ocsp`; the number makes it another one. The bytes need not be a certificate: the store does not read them. */
export function certificate(
  number: number,
  changes: Partial<CertificateRecord> = {},
): CertificateRecord {
  return {
    id: number.toString(16).padStart(64, '0'),
    der: bytes(number, 900),
    issuer: bytes(1_000_000, 1_100),
    name: `host-${String(number).padStart(6, '0')}.example.org`,
    sources: [`/etc/ssl/${number}.pem`],
    classification: 'ocsp',
    mustStaple: false,
    notAfter: plus(NOW, 60 * DAY_MS),
    certIDKey: number.toString(16).padStart(112, 'a'),
    responder: 'http://ocsp.example.org',
    ...changes,
  }
}

/** A schedule, due in an hour. */
export function schedule(changes: Partial<Schedule> = {}): Schedule {
  return {
    dueAt: plus(NOW, HOUR_MS),
    reason: 'a quarter of usable life',
    attempts: 0,
    lastAttemptAt: NOW,
    lastError: undefined,
    ...changes,
  }
}

/** A staple, usable for three days; the number gives its bytes. */
export function staple(number: number, changes: Partial<StapleRecord> = {}): StapleRecord {
  return {
    der: bytes(number, 471),
    received: bytes(number + 1, 1_500),
    producedAt: plus(NOW, -2 * HOUR_MS),
    thisUpdate: plus(NOW, -HOUR_MS),
    nextUpdate: plus(NOW, 4 * DAY_MS),
    usableUntil: plus(NOW, 3 * DAY_MS),
    fetchedAt: NOW,
    servedFrom: NOW,
    url: 'http://ocsp.example.org/',
    ...changes,
  }
}

/** An attempt that was answered with an error; the number gives its times and its certificate. */
export function attempt(number: number, responder = 'http://ocsp.example.org'): LoggedAttempt {
  return {
    responder,
    certificate: certificate(number).id,
    certificateAge: durationMs(HOUR_MS + number),
    at: plus(NOW, number),
    elapsed: durationMs(40 + number),
    method: 'GET',
    connection: 'fresh',
    remoteAddress: '192.0.2.1',
    statusCode: 503,
    outcome: 'http-503',
    problem: 'HTTP 503',
    thisUpdate: plus(NOW, -HOUR_MS),
    nextUpdate: plus(NOW, HOUR_MS),
  }
}

/** A claim of all that is due at NOW, of the responder of `certificate()`. */
export function claimAll(): Parameters<Store['claimDue']>[0] {
  return {
    responder: certificate(0).responder,
    now: NOW,
    limit: 1_000,
    lease: durationMs(HOUR_MS),
  }
}

/** Bytes that are different for every number and at every place, always the same ones. */
export function bytes(seed: number, length: number): Uint8Array {
  return Uint8Array.from(
    { length },
    (_, at) => Math.imul(seed + 1, 2_654_435_761 + at * 40_503) >>> 13,
  )
}

/** An entry or claim with its bytes as plain arrays, to compare: a store may give a Buffer. */
export function plain(entry: Entry | undefined): unknown {
  if (entry === undefined) return undefined
  const { certificate: record, staple: held, former } = entry
  const list = (bytes: Uint8Array | undefined) => bytes && Array.from(bytes)
  const listed = (kept: StapleRecord | undefined) =>
    kept && { ...kept, der: list(kept.der), received: list(kept.received) }
  return {
    ...entry,
    certificate: { ...record, der: list(record.der), issuer: list(record.issuer) },
    staple: listed(held),
    former: listed(former),
  }
}
