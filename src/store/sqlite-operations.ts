import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { SourceProblem } from '../certificates/source.ts'
import type { EpochMs } from '../der/time.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'
import { keptOfOld, NEWEST_KEPT } from './kept-attempts.ts'
import { SqliteEdges } from './sqlite-edges.ts'
import { SqliteProbes } from './sqlite-probes.ts'
import { entryOf, oldAttemptOf, SELECT_ENTRY } from './sqlite-rows.ts'
import {
  BEING_FETCHED,
  type CertificateRecord,
  type Claim,
  type EdgeRecord,
  type EdgeState,
  type OutputState,
  type ProbeResult,
  REMOVALS_KEPT,
  type ResponderRecord,
  type Schedule,
  type StapleRecord,
} from './store.ts'

/** A change of the database as data, so that it can cross to the writer's thread. */
export type Operation =
  | { readonly kind: 'put'; readonly records: readonly CertificateRecord[]; readonly now: EpochMs }
  | { readonly kind: 'remove'; readonly ids: readonly string[] }
  | { readonly kind: 'due-responders'; readonly now: EpochMs }
  | {
      readonly kind: 'claim'
      readonly responder: string
      readonly now: EpochMs
      readonly limit: number
      readonly leasedUntil: EpochMs
    }
  | {
      readonly kind: 'complete'
      readonly id: string
      readonly schedule: Schedule
      readonly staple: StapleRecord | undefined
      readonly attempts: readonly LoggedAttempt[]
    }
  | {
      readonly kind: 'replan'
      readonly after: EpochMs
      readonly dueAt: EpochMs
      readonly reason: string
    }
  | { readonly kind: 'put-responder'; readonly record: ResponderRecord }
  | {
      readonly kind: 'put-edge'
      readonly edge: EdgeRecord
      readonly states: readonly EdgeState[]
      readonly extent: 'all' | 'some'
    }
  | { readonly kind: 'remove-edge'; readonly name: string }
  | {
      readonly kind: 'put-outputs'
      readonly id: string
      readonly states: readonly OutputState[]
    }
  | {
      readonly kind: 'put-probes'
      readonly target: string
      readonly results: readonly ProbeResult[]
    }
  | { readonly kind: 'withdraw'; readonly id: string }
  | { readonly kind: 'replace-problems'; readonly problems: readonly SourceProblem[] }

/** What an operation gives back; those that are not listed give nothing. */
export interface OperationResults {
  readonly claim: readonly Claim[]
  readonly 'due-responders': readonly string[]
}

/** The result of an operation of this kind. */
export type ResultOf<Kind extends Operation['kind']> = Kind extends keyof OperationResults
  ? OperationResults[Kind]
  : undefined

/** Carries out operations on one connection, with statements prepared once. Transactions are the caller's. */
export class SqliteOperations {
  readonly #run: Record<keyof typeof statements, StatementSync>
  readonly #edges: SqliteEdges
  readonly #probes: SqliteProbes

  constructor(database: DatabaseSync) {
    this.#edges = new SqliteEdges(database)
    this.#probes = new SqliteProbes(database)
    this.#run = Object.fromEntries(
      Object.entries(statements).map(([name, sql]) => [name, database.prepare(sql)]),
    ) as Record<keyof typeof statements, StatementSync>
  }

  apply(operation: Operation): ResultOf<Operation['kind']> {
    switch (operation.kind) {
      case 'put':
        for (const record of operation.records) this.#put(record, operation.now)
        return undefined
      case 'remove':
        return this.#remove(operation.ids)
      case 'due-responders':
        return this.#dueResponders(operation.now)
      case 'claim':
        return this.#claim(operation)
      case 'complete':
        return this.#complete(operation)
      case 'replan':
        this.#run.replan.run(operation.dueAt, operation.reason, operation.after)
        return undefined
      case 'put-edge':
        return this.#edges.put(operation)
      case 'remove-edge':
        return this.#edges.remove(operation.name)
      case 'put-outputs':
        return this.#putOutputs(operation)
      case 'put-probes':
        return this.#probes.put(operation)
      case 'withdraw':
        return this.#withdraw(operation.id)
      case 'put-responder':
        return this.#putResponder(operation.record)
      case 'replace-problems':
        this.#run.clearProblems.run()
        for (const { path, problem } of operation.problems) this.#run.addProblem.run(path, problem)
        return undefined
      default:
        return unreachable(operation)
    }
  }

  #put(record: CertificateRecord, now: EpochMs): void {
    const { id, der, issuer, name, sources, classification, responder } = record
    const mustStaple = record.mustStaple ? 1 : 0
    const issuerKey = issuer === undefined ? null : this.#issuerKey(issuer)
    const { key } = found(
      this.#run.putCertificate.get({
        id,
        der,
        issuer: issuerKey,
        name,
        sources: JSON.stringify(sources),
        classification,
        must_staple: mustStaple,
        not_after: record.notAfter,
        cert_id_key: record.certIDKey ?? null,
        responder,
      }),
    )
    if (classification !== 'ocsp') this.#run.unschedule.run(key)
    else this.#run.schedule.run({ key, now: now, responder, must_staple: mustStaple })
  }

  #remove(ids: readonly string[]): undefined {
    for (const id of ids) this.#run.removeCertificate.run(id)
    const last = this.#run.lastRemovalTooMany.get(REMOVALS_KEPT)?.['number'] ?? null
    if (last === null) return
    this.#run.noteForgotten.run(last)
    this.#run.forgetRemovals.run(last)
  }

  #issuerKey(der: Uint8Array): SQLInputValue {
    const known = this.#run.findIssuer.get(der) ?? this.#run.addIssuer.get(der)
    return found(known).key
  }

  #dueResponders(now: EpochMs): string[] {
    this.#run.markReady.run(now)
    const due: { readonly responder: string; readonly rank: readonly number[] }[] = []
    for (const { responder } of this.#run.readyResponders.all()) {
      const first = this.#run.mostUrgent.get(responder ?? null, now)
      if (first === undefined) continue
      const rank = [first['urgency'], first['usable_until'], first['due_at']].map(Number)
      due.push({ responder: String(responder), rank })
    }
    return due.sort((a, b) => compare(a.rank, b.rank)).map(({ responder }) => responder)
  }

  #claim({ responder, now, limit, leasedUntil }: Extract<Operation, { kind: 'claim' }>): Claim[] {
    this.#run.markReady.run(now)
    const claims: Claim[] = []
    const rows = this.#run.mostUrgentOnes.all(responder, now, limit)
    for (const { certificate: key } of rows) {
      const entry = entryOf(this.#run.entry.get(key ?? null) ?? {})
      const { schedule } = entry
      if (schedule !== undefined) claims.push({ ...entry, schedule })
      this.#run.lease.run(leasedUntil, key ?? null)
    }
    return claims
  }

  #complete(operation: Extract<Operation, { kind: 'complete' }>): undefined {
    const { id, schedule, staple, attempts } = operation
    for (const attempt of attempts) this.#log(attempt)
    const key = this.#run.findCertificate.get(id)?.['key']
    if (key === undefined) return
    if (staple !== undefined) this.#putStaple(key, staple)
    this.#run.reschedule.run({
      key,
      due_at: schedule.dueAt,
      reason: schedule.reason,
      attempts: schedule.attempts,
      last_attempt_at: schedule.lastAttemptAt ?? null,
      last_error: schedule.lastError ?? null,
      revoked_as_of: schedule.revokedAsOf ?? null,
      revocation: schedule.revocation ?? null,
      unchanged_at: schedule.unchangedAt ?? null,
    })
  }

  #putStaple(key: SQLInputValue, staple: StapleRecord): void {
    const { der, received, fetchedAt, servedFrom } = staple
    if (servedFrom > fetchedAt) this.#run.keepFormer.run({ key, now: fetchedAt })
    else this.#run.removeFormer.run(key)
    this.#run.putStaple.run({
      key,
      der,
      received: Buffer.compare(der, received) === 0 ? null : received,
      produced_at: staple.producedAt,
      this_update: staple.thisUpdate,
      next_update: staple.nextUpdate,
      usable_until: staple.usableUntil,
      fetched_at: fetchedAt,
      served_from: servedFrom === fetchedAt ? null : servedFrom,
      url: staple.url,
    })
  }

  #putOutputs({ id, states }: Extract<Operation, { kind: 'put-outputs' }>): undefined {
    const key = this.#run.findCertificate.get(id)?.['key']
    if (key === undefined) return
    this.#run.clearOutputs.run(key)
    for (const { output, place, state, stapleSha256, problem, since } of states) {
      const rest = { staple_sha256: stapleSha256 ?? null, problem: problem ?? null, since }
      this.#run.addOutput.run({ key, output, place, state, ...rest })
    }
  }

  #withdraw(id: string): undefined {
    const key = this.#run.findCertificate.get(id)?.['key']
    if (key === undefined) return
    this.#run.removeStaple.run(key)
    this.#run.removeFormer.run(key)
    this.#run.noteUsableUntil.run({ key })
  }

  #log(attempt: LoggedAttempt): void {
    const { responder } = attempt
    const number = Number(
      this.#run.addAttempt.get({
        responder,
        certificate: attempt.certificate,
        certificate_age: attempt.certificateAge,
        at: attempt.at,
        elapsed: attempt.elapsed,
        method: attempt.method,
        connection: attempt.connection,
        remote_address: attempt.remoteAddress ?? null,
        status_code: attempt.statusCode ?? null,
        outcome: attempt.outcome,
        problem: attempt.problem ?? null,
        this_update: attempt.thisUpdate ?? null,
        next_update: attempt.nextUpdate ?? null,
      })?.['number'],
    )
    if (number % PRUNED_AT_ONCE === 0) this.#prune(attempt, number - NEWEST_KEPT)
  }

  #prune({ responder, at }: LoggedAttempt, lastOld: number): void {
    const old = this.#run.oldAttempts.all(responder, lastOld).map(oldAttemptOf)
    const kept = new Set(keptOfOld(old, at))
    for (const attempt of old) {
      if (!kept.has(attempt)) this.#run.removeAttempt.run(responder, attempt.number)
    }
  }

  #putResponder({ responder, habits, health, goneSince }: ResponderRecord): undefined {
    this.#run.putResponder.run({
      responder,
      validity: habits.validity ?? null,
      renewal: habits.renewal ?? null,
      lag: habits.lag,
      seen: habits.seen,
      health: health.state,
      health_since: health.since,
      gone_since: goneSince ?? null,
    })
  }
}

function found(row: Record<string, SQLInputValue> | undefined): { readonly key: SQLInputValue } {
  if (row?.['key'] === undefined) throw new Error('a row that was just written is not there')
  return { key: row['key'] }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [at, value] of a.entries()) {
    const difference = value - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function unreachable(operation: never): never {
  throw new Error(`unknown operation ${JSON.stringify(operation)}`)
}

const USABLE_UNTIL = `max(
  coalesce((SELECT usable_until FROM staple WHERE certificate = :key), 0),
  coalesce((SELECT usable_until FROM former_staple WHERE certificate = :key), 0))`

/** Old attempts go so many at a time; until then readers pass them over. */
const PRUNED_AT_ONCE = 100

// INDEXED BY where SQLite, which counts no rows, would take the index by due time and sort all that is due.
const statements = {
  findCertificate: 'SELECT key FROM certificate WHERE id = ?',
  putCertificate: `
    INSERT INTO certificate (id, der, issuer, name, sources, classification, must_staple, not_after, cert_id_key, responder)
    VALUES (:id, :der, :issuer, :name, :sources, :classification, :must_staple, :not_after, :cert_id_key, :responder)
    ON CONFLICT (id) DO UPDATE SET
      der = excluded.der, issuer = excluded.issuer, name = excluded.name, sources = excluded.sources,
      classification = excluded.classification, must_staple = excluded.must_staple, not_after = excluded.not_after,
      cert_id_key = excluded.cert_id_key, responder = excluded.responder
    RETURNING key`,
  removeCertificate: 'DELETE FROM certificate WHERE id = ?',
  // The last of those that are one too many, if so many there are.
  lastRemovalTooMany:
    'SELECT number FROM change WHERE removed = 1 ORDER BY number DESC LIMIT 1 OFFSET ?',
  noteForgotten: 'UPDATE feed SET forgotten = ?',
  forgetRemovals: 'DELETE FROM change WHERE removed = 1 AND number <= ?',
  findIssuer: 'SELECT key FROM issuer WHERE der = ?',
  addIssuer: 'INSERT INTO issuer (der) VALUES (?) RETURNING key',
  schedule: `
    INSERT INTO schedule (certificate, due_at, ready, reason, attempts, responder, must_staple, usable_until)
    VALUES (:key, :now, 1, 'new certificate', 0, :responder, :must_staple,
      ${USABLE_UNTIL})
    ON CONFLICT (certificate) DO UPDATE SET responder = excluded.responder, must_staple = excluded.must_staple`,
  unschedule: 'DELETE FROM schedule WHERE certificate = ?',
  markReady: 'UPDATE schedule SET ready = 1 WHERE ready = 0 AND due_at <= ?',
  // A look-up for each responder, where SELECT DISTINCT would read a million rows.
  readyResponders: `
    WITH RECURSIVE following (responder) AS (
      SELECT min(responder) FROM schedule INDEXED BY schedule_by_urgency WHERE ready = 1
      UNION ALL
      SELECT (SELECT min(responder) FROM schedule INDEXED BY schedule_by_urgency WHERE ready = 1 AND responder > following.responder)
      FROM following WHERE following.responder IS NOT NULL
    )
    SELECT responder FROM following WHERE responder IS NOT NULL`,
  mostUrgent: `
    SELECT urgency, usable_until, due_at FROM schedule INDEXED BY schedule_by_urgency WHERE ready = 1 AND responder = ? AND due_at <= ?
    ORDER BY urgency, usable_until, due_at LIMIT 1`,
  mostUrgentOnes: `
    SELECT certificate FROM schedule INDEXED BY schedule_by_urgency WHERE ready = 1 AND responder = ? AND due_at <= ?
    ORDER BY urgency, usable_until, due_at LIMIT ?`,
  entry: `${SELECT_ENTRY} WHERE c.key = ?`,
  lease: `UPDATE schedule SET ready = 0, due_at = ?, reason = '${BEING_FETCHED}' WHERE certificate = ?`,
  reschedule: `
    UPDATE schedule SET due_at = :due_at, ready = 0, reason = :reason, attempts = :attempts,
      last_attempt_at = :last_attempt_at, last_error = :last_error, revoked_as_of = :revoked_as_of,
      revocation = :revocation, unchanged_at = :unchanged_at, usable_until = ${USABLE_UNTIL}
    WHERE certificate = :key`,
  // Without an index: it comes once in the life of a machine, and takes a fifth of a second for a million.
  replan: 'UPDATE schedule SET due_at = ?, ready = 0, reason = ? WHERE last_attempt_at > ?',
  putStaple: `
    INSERT OR REPLACE INTO staple
      (certificate, der, received, produced_at, this_update, next_update, usable_until, fetched_at, url, served_from)
    VALUES (:key, :der, :received, :produced_at, :this_update, :next_update, :usable_until, :fetched_at, :url, :served_from)`,
  // The one that is served at :now, unless it is the former one already.
  keepFormer: `
    INSERT OR REPLACE INTO former_staple
      (certificate, der, received, produced_at, this_update, next_update, usable_until, fetched_at, url, served_from)
    SELECT certificate, der, received, produced_at, this_update, next_update, usable_until, fetched_at, url, served_from
    FROM staple WHERE certificate = :key AND (coalesce(served_from, fetched_at) <= :now
      OR NOT EXISTS (SELECT 1 FROM former_staple WHERE certificate = :key))`,
  noteUsableUntil: `UPDATE schedule SET usable_until = ${USABLE_UNTIL} WHERE certificate = :key`,
  clearOutputs: 'DELETE FROM output_state WHERE certificate = ?',
  addOutput: `
    INSERT INTO output_state (certificate, output, place, state, staple_sha256, problem, since)
    VALUES (:key, :output, :place, :state, :staple_sha256, :problem, :since)`,
  removeStaple: 'DELETE FROM staple WHERE certificate = ?',
  removeFormer: 'DELETE FROM former_staple WHERE certificate = ?',
  addAttempt: `
    INSERT INTO attempt (responder, number, certificate, certificate_age, at, elapsed, method, connection,
      remote_address, status_code, outcome, problem, this_update, next_update)
    VALUES (:responder, coalesce((SELECT max(number) FROM attempt WHERE responder = :responder), 0) + 1,
      :certificate, :certificate_age, :at, :elapsed, :method, :connection,
      :remote_address, :status_code, :outcome, :problem, :this_update, :next_update)
    RETURNING number`,
  oldAttempts: `
    SELECT number, certificate, at, outcome FROM attempt WHERE responder = ? AND number <= ? ORDER BY number`,
  removeAttempt: 'DELETE FROM attempt WHERE responder = ? AND number = ?',
  putResponder: `
    INSERT OR REPLACE INTO responder
      (responder, validity, renewal, lag, seen, health, health_since, gone_since)
    VALUES (:responder, :validity, :renewal, :lag, :seen, :health, :health_since, :gone_since)`,
  clearProblems: 'DELETE FROM problem',
  addProblem: 'INSERT INTO problem (path, problem) VALUES (?, ?)',
} as const
