import type { Classification } from '../certificates/classify.ts'
import { epochMs } from '../der/time.ts'
import type { CertificateRecord, Entry, Schedule, StapleRecord } from './store.ts'

/** A row as `node:sqlite` gives it. */
export type Row = Record<string, unknown>

/** The columns of certificate, schedule and staple together; what `entryOf` reads. */
export const ENTRY_COLUMNS = `
  c.id, c.der, i.der AS issuer_der, c.name, c.sources, c.classification, c.must_staple, c.not_after,
  c.cert_id_key, c.responder,
  s.due_at, s.reason, s.attempts, s.last_attempt_at, s.last_error,
  t.der AS staple_der, t.received, t.produced_at, t.this_update, t.next_update, t.usable_until,
  t.fetched_at, t.url`

/** The tables of {@link ENTRY_COLUMNS}. */
export const ENTRY_TABLES = `
  certificates c
  LEFT JOIN issuers i ON i.key = c.issuer
  LEFT JOIN schedules s ON s.certificate = c.key
  LEFT JOIN staples t ON t.certificate = c.key`

/** An entry from a row of {@link ENTRY_COLUMNS}. */
export function entryOf(row: Row): Entry {
  return { certificate: certificateOf(row), schedule: scheduleOf(row), staple: stapleOf(row) }
}

function certificateOf(row: Row): CertificateRecord {
  return {
    id: text(row['id']),
    der: bytes(row['der']),
    issuer: row['issuer_der'] === null ? undefined : bytes(row['issuer_der']),
    name: text(row['name']),
    sources: JSON.parse(text(row['sources'])),
    classification: text(row['classification']) as Classification,
    mustStaple: row['must_staple'] === 1,
    notAfter: time(row['not_after']),
    certIDKey: optionalText(row['cert_id_key']),
    responder: text(row['responder']),
  }
}

function scheduleOf(row: Row): Schedule | undefined {
  if (row['due_at'] === null) return undefined
  return {
    dueAt: time(row['due_at']),
    reason: text(row['reason']),
    attempts: Number(row['attempts']),
    lastAttemptAt: row['last_attempt_at'] === null ? undefined : time(row['last_attempt_at']),
    lastError: optionalText(row['last_error']),
  }
}

function stapleOf(row: Row): StapleRecord | undefined {
  if (row['staple_der'] === null) return undefined
  return {
    der: bytes(row['staple_der']),
    received: bytes(row['received']),
    producedAt: time(row['produced_at']),
    thisUpdate: time(row['this_update']),
    nextUpdate: time(row['next_update']),
    usableUntil: time(row['usable_until']),
    fetchedAt: time(row['fetched_at']),
    url: text(row['url']),
  }
}

function bytes(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array()
}

function text(value: unknown): string {
  return String(value)
}

function optionalText(value: unknown): string | undefined {
  return value === null ? undefined : String(value)
}

function time(value: unknown): ReturnType<typeof epochMs> {
  return epochMs(Number(value))
}
