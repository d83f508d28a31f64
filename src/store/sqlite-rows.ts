import type { SQLOutputValue } from 'node:sqlite'
import type { Classification } from '../certificates/classify.ts'
import { epochMs } from '../der/time.ts'
import type { CertificateRecord, Entry, Schedule, StapleRecord } from './store.ts'

/** What `statement.get()` gives. */
export type Row = Record<string, SQLOutputValue>

/** Selects all that `entryOf` reads; a WHERE over `c`, `s` (schedule) and `t` (staple) can follow. */
export const SELECT_ENTRY = `
  SELECT c.id, c.der, i.der AS issuer, c.name, c.sources, c.classification, c.must_staple, c.not_after, c.cert_id_key, c.responder,
    s.due_at, s.reason, s.attempts, s.last_attempt_at, s.last_error,
    t.der AS staple, t.received, t.produced_at, t.this_update, t.next_update, t.usable_until, t.fetched_at, t.url
  FROM certificate c
  LEFT JOIN issuer i ON i.key = c.issuer
  LEFT JOIN schedule s ON s.certificate = c.key
  LEFT JOIN staple t ON t.certificate = c.key`

/** The entry in a row of {@link SELECT_ENTRY}. */
export function entryOf(row: Row): Entry {
  return {
    certificate: certificateOf(row),
    schedule: row['due_at'] === null ? undefined : scheduleOf(row),
    staple: row['staple'] === null ? undefined : stapleOf(row),
  }
}

function certificateOf(row: Row): CertificateRecord {
  return {
    id: text(row['id']),
    der: bytes(row['der']),
    issuer: unlessNull(row['issuer'], bytes),
    name: text(row['name']),
    sources: JSON.parse(text(row['sources'])) as string[],
    classification: text(row['classification']) as Classification,
    mustStaple: row['must_staple'] === 1,
    notAfter: time(row['not_after']),
    certIDKey: unlessNull(row['cert_id_key'], text),
    responder: text(row['responder']),
  }
}

function scheduleOf(row: Row): Schedule {
  return {
    dueAt: time(row['due_at']),
    reason: text(row['reason']),
    attempts: Number(row['attempts']),
    lastAttemptAt: unlessNull(row['last_attempt_at'], time),
    lastError: unlessNull(row['last_error'], text),
  }
}

function stapleOf(row: Row): StapleRecord {
  const der = bytes(row['staple'])
  return {
    der,
    received: unlessNull(row['received'], bytes) ?? der,
    producedAt: time(row['produced_at']),
    thisUpdate: time(row['this_update']),
    nextUpdate: time(row['next_update']),
    usableUntil: time(row['usable_until']),
    fetchedAt: time(row['fetched_at']),
    url: text(row['url']),
  }
}

function unlessNull<T>(
  value: SQLOutputValue | undefined,
  read: (value: SQLOutputValue | undefined) => T,
): T | undefined {
  return value === null ? undefined : read(value)
}

function time(value: SQLOutputValue | undefined): ReturnType<typeof epochMs> {
  return epochMs(Number(value))
}

function text(value: SQLOutputValue | undefined): string {
  if (typeof value === 'string') return value
  throw new TypeError(`column holds ${typeof value}, text was expected`)
}

function bytes(value: SQLOutputValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new TypeError(`column holds ${typeof value}, a blob was expected`)
}
