import { createHash } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SourceProblem } from '../certificates/source.ts'
import type { DurationMs, EpochMs } from '../der/time.ts'
import { ENTRY_COLUMNS, ENTRY_TABLES, entryOf } from './sqlite-rows.ts'
import type { CertificateRecord, Claim, Schedule, StapleRecord } from './store.ts'

/** One change of the store, as it goes to the writer; several are committed together. */
export type Write =
  | {
      readonly kind: 'put-certificates'
      readonly records: readonly CertificateRecord[]
      readonly now: EpochMs
    }
  | { readonly kind: 'remove-certificates'; readonly ids: readonly string[] }
  | {
      readonly kind: 'claim-due'
      readonly responder: string
      readonly now: EpochMs
      readonly limit: number
      readonly lease: DurationMs
    }
  | {
      readonly kind: 'complete'
      readonly id: string
      readonly schedule: Schedule
      readonly staple: StapleRecord | undefined
    }
  | { readonly kind: 'withdraw-staple'; readonly id: string }
  | { readonly kind: 'replace-problems'; readonly problems: readonly SourceProblem[] }

/** Applies writes to a database, with its statements prepared once. The caller holds the transaction. */
export class SqliteWrites {
  readonly #prepare: (sql: string) => StatementSync

  constructor(database: DatabaseSync) {
    const prepared = new Map<string, StatementSync>()
    this.#prepare = (sql) => {
      const statement = prepared.get(sql) ?? database.prepare(sql)
      prepared.set(sql, statement)
      return statement
    }
  }

  /** Applies one write; gives claims for `claim-due`, else nothing. */
  apply(write: Write): readonly Claim[] | undefined {
    switch (write.kind) {
      case 'put-certificates':
        for (const record of write.records) this.#putCertificate(record, write.now)
        return undefined
      case 'remove-certificates':
        for (const id of write.ids) this.#prepare('DELETE FROM certificates WHERE id = ?').run(id)
        this.#prepare(
          'DELETE FROM issuers WHERE NOT EXISTS (SELECT 1 FROM certificates WHERE issuer = issuers.key)',
        ).run()
        return undefined
      case 'claim-due':
        return this.#claimDue(write)
      case 'complete':
        this.#complete(write)
        return undefined
      case 'withdraw-staple':
        this.#withdrawStaple(write.id)
        return undefined
      case 'replace-problems':
        this.#prepare('DELETE FROM problems').run()
        for (const { path, problem } of write.problems) {
          this.#prepare('INSERT INTO problems (path, problem) VALUES (?, ?)').run(path, problem)
        }
        return undefined
    }
  }

  #putCertificate(record: CertificateRecord, now: EpochMs): void {
    const key = this.#prepare(
      `INSERT INTO certificates
         (id, der, issuer, name, sources, classification, must_staple, not_after, cert_id_key, responder)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET
         issuer = excluded.issuer, name = excluded.name, sources = excluded.sources,
         classification = excluded.classification, cert_id_key = excluded.cert_id_key,
         responder = excluded.responder
       RETURNING key`,
    ).get(
      record.id,
      record.der,
      record.issuer === undefined ? null : this.#issuerKey(record.issuer),
      record.name,
      JSON.stringify(record.sources),
      record.classification,
      record.mustStaple ? 1 : 0,
      record.notAfter,
      record.certIDKey ?? null,
      record.responder,
    )?.['key']
    if (record.classification !== 'ocsp') {
      this.#prepare('DELETE FROM schedules WHERE certificate = ?').run(Number(key))
      return
    }
    this.#prepare(
      `INSERT INTO schedules (certificate, responder, urgency, usable_until, due_at, reason, attempts)
       SELECT c.key, c.responder,
              CASE WHEN t.certificate IS NULL THEN 1 ELSE 3 END - c.must_staple,
              COALESCE(t.usable_until, 0), ?, 'new certificate', 0
       FROM certificates c LEFT JOIN staples t ON t.certificate = c.key WHERE c.key = ?
       ON CONFLICT (certificate) DO UPDATE SET responder = excluded.responder`,
    ).run(now, Number(key))
  }

  #issuerKey(der: Uint8Array): number {
    const fingerprint = createHash('sha256').update(der).digest('hex')
    const insert = 'INSERT INTO issuers (fingerprint, der) VALUES (?, ?) ON CONFLICT DO NOTHING'
    this.#prepare(insert).run(fingerprint, der)
    const row = this.#prepare('SELECT key FROM issuers WHERE fingerprint = ?').get(fingerprint)
    return Number(row?.['key'])
  }

  #claimDue({ responder, now, limit, lease }: Extract<Write, { kind: 'claim-due' }>): Claim[] {
    const due = this.#prepare(
      `SELECT certificate FROM schedules INDEXED BY schedules_due
       WHERE responder = ? AND due_at <= ? LIMIT ?`,
    ).all(responder, now, FEW_DUE + 1)
    // Few are due most of the time: they are sorted. When many are, walking all in order of urgency soon meets them.
    const index = due.length > FEW_DUE ? 'schedules_urgent' : 'schedules_due'
    const rows = this.#prepare(
      `SELECT certificate FROM schedules INDEXED BY ${index}
       WHERE responder = ? AND due_at <= ? ORDER BY urgency, usable_until LIMIT ?`,
    ).all(responder, now, limit)
    return rows.flatMap(({ certificate }) => this.#claim(Number(certificate), now + lease))
  }

  #claim(key: number, until: number): Claim[] {
    const row = this.#prepare(`SELECT ${ENTRY_COLUMNS} FROM ${ENTRY_TABLES} WHERE c.key = ?`).get(
      key,
    )
    this.#prepare('UPDATE schedules SET due_at = ? WHERE certificate = ?').run(until, key)
    if (row === undefined) return []
    const { certificate, schedule, staple } = entryOf(row)
    return schedule === undefined ? [] : [{ certificate, schedule, staple }]
  }

  #complete({ id, schedule, staple }: Extract<Write, { kind: 'complete' }>): void {
    const row = this.#prepare('SELECT key FROM certificates WHERE id = ?').get(id)
    if (row === undefined) return
    const key = Number(row['key'])
    if (staple !== undefined) this.#putStaple(key, staple)
    const { dueAt, reason, attempts, lastAttemptAt, lastError } = schedule
    this.#prepare(
      `UPDATE schedules SET due_at = ?, reason = ?, attempts = ?, last_attempt_at = ?, last_error = ?
       WHERE certificate = ?`,
    ).run(dueAt, reason, attempts, lastAttemptAt ?? null, lastError ?? null, key)
  }

  #putStaple(key: number, staple: StapleRecord): void {
    this.#prepare(
      `INSERT OR REPLACE INTO staples
         (certificate, der, received, produced_at, this_update, next_update, usable_until, fetched_at, url)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      key,
      staple.der,
      staple.received,
      staple.producedAt,
      staple.thisUpdate,
      staple.nextUpdate,
      staple.usableUntil,
      staple.fetchedAt,
      staple.url,
    )
    this.#prepare(
      'UPDATE schedules SET urgency = urgency % 2 + 2, usable_until = ? WHERE certificate = ?',
    ).run(staple.usableUntil, key)
  }

  #withdrawStaple(id: string): void {
    const own = '(SELECT key FROM certificates WHERE id = ?)'
    this.#prepare(`DELETE FROM staples WHERE certificate = ${own}`).run(id)
    this.#prepare(
      `UPDATE schedules SET urgency = urgency % 2, usable_until = 0 WHERE certificate = ${own}`,
    ).run(id)
  }
}

/** So many rows are sorted in well under a millisecond. */
const FEW_DUE = 256
