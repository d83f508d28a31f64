import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Operation } from './sqlite-operations.ts'

/** Writes what edges tell of themselves, with statements prepared once. Transactions are the caller's. */
export class SqliteEdges {
  readonly #run: Record<keyof typeof statements, StatementSync>

  constructor(database: DatabaseSync) {
    this.#run = Object.fromEntries(
      Object.entries(statements).map(([name, sql]) => [name, database.prepare(sql)]),
    ) as Record<keyof typeof statements, StatementSync>
  }

  put({ edge, states, extent }: Extract<Operation, { kind: 'put-edge' }>): undefined {
    const { name, seenAt, version } = edge
    this.#run.putEdge.run({ name, seen_at: seenAt, version })
    if (extent === 'all') this.#run.clearStates.run(name)
    for (const { id, stapleSha256, since, outputs, probe } of states) {
      this.#run.putState.run({
        edge: name,
        certificate: id,
        staple_sha256: stapleSha256 ?? null,
        since,
        outputs: JSON.stringify(outputs),
        probed_at: probe?.at ?? null,
        probe_outcome: probe?.outcome ?? null,
      })
    }
  }

  remove(name: string): undefined {
    this.#run.removeEdge.run(name)
  }
}

const statements = {
  putEdge: `
    INSERT INTO edge (name, seen_at, version) VALUES (:name, :seen_at, :version)
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, version = excluded.version`,
  clearStates: 'DELETE FROM edge_state WHERE edge = ?',
  putState: `
    INSERT OR REPLACE INTO edge_state (edge, certificate, staple_sha256, since, outputs, probed_at, probe_outcome)
    VALUES (:edge, :certificate, :staple_sha256, :since, :outputs, :probed_at, :probe_outcome)`,
  removeEdge: 'DELETE FROM edge WHERE name = ?',
} as const
