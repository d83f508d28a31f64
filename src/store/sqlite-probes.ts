import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Operation } from './sqlite-operations.ts'

/** Writes what checks of servers found, with statements prepared once. Transactions are the caller's. */
export class SqliteProbes {
  readonly #clear: StatementSync
  readonly #add: StatementSync

  constructor(database: DatabaseSync) {
    this.#clear = database.prepare('DELETE FROM probe_result WHERE target = ?')
    this.#add = database.prepare(ADD)
  }

  put({ target, results }: Extract<Operation, { kind: 'put-probes' }>): undefined {
    this.#clear.run(target)
    for (const { certificate, outcome, problem, ...result } of results) {
      this.#add.run({
        target,
        certificate: certificate?.id ?? '',
        name: certificate?.name ?? '',
        outcome,
        problem: problem ?? null,
        since: result.since,
        checked_at: result.checkedAt,
        handshakes: result.handshakes,
        stapled: result.stapled,
        counted_since: result.countedSince,
      })
    }
  }
}

const ADD = `
  INSERT OR REPLACE INTO probe_result
    (target, certificate, name, outcome, problem, since, checked_at, handshakes, stapled, counted_since)
  VALUES (:target, :certificate, :name, :outcome, :problem, :since, :checked_at, :handshakes, :stapled, :counted_since)`
