import { DAY_MS, type EpochMs, epochMs, HOUR_MS, plus } from '../der/time.ts'
import type { CertificateRecord, Entry, Schedule, StapleRecord } from './store.ts'

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
    url: 'http://ocsp.example.org/',
    ...changes,
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
  const { certificate: record, staple: held } = entry
  const list = (bytes: Uint8Array | undefined) => bytes && Array.from(bytes)
  return {
    ...entry,
    certificate: { ...record, der: list(record.der), issuer: list(record.issuer) },
    staple: held && { ...held, der: list(held.der), received: list(held.received) },
  }
}
