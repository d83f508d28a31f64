import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SourceProblem } from '../certificates/source.ts'
import { type EpochMs, epochMs } from '../der/time.ts'
import { withStoreErrors } from './sqlite-database.ts'
import { ENTRY_COLUMNS, ENTRY_TABLES, entryOf, type Row } from './sqlite-rows.ts'
import type { Coverage, Entry } from './store.ts'

/** The reading half of the store, on a connection of its own. Every method throws a `StoreError` where SQLite fails. */
export class SqliteReads {
  readonly #database: DatabaseSync
  readonly #path: string
  readonly #prepared = new Map<string, StatementSync>()

  constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#path = path
  }

  close(): void {
    this.#database.close()
  }

  certificateIds(): ReadonlySet<string> {
    return new Set(this.#all('SELECT id FROM certificates').map(({ id }) => String(id)))
  }

  async *entries(): AsyncGenerator<Entry, void> {
    const sql = `SELECT ${ENTRY_COLUMNS} FROM ${ENTRY_TABLES}
      WHERE (c.name, c.id) > (?, ?) ORDER BY c.name, c.id LIMIT ${PAGE}`
    let page = this.#all(sql, '', '')
    while (page.length > 0) {
      yield* page.map(entryOf)
      const last = page.at(-1)
      page = page.length < PAGE ? [] : this.#all(sql, String(last?.['name']), String(last?.['id']))
    }
  }

  entry(by: { readonly id: string } | { readonly certIDKey: string }): Entry | undefined {
    const [column, value] = 'id' in by ? ['c.id', by.id] : ['c.cert_id_key', by.certIDKey]
    const sql = `SELECT ${ENTRY_COLUMNS} FROM ${ENTRY_TABLES} WHERE ${column} = ? LIMIT 1`
    const [row] = this.#all(sql, value)
    return row && entryOf(row)
  }

  dueResponders(now: EpochMs): readonly string[] {
    const sql = `${EARLIEST} SELECT responder FROM earliest WHERE due_at <= ? ORDER BY due_at`
    return this.#all(sql, now).map(({ responder }) => String(responder))
  }

  nextDueAt(): EpochMs | undefined {
    const [row] = this.#all(`${EARLIEST} SELECT MIN(due_at) AS due_at FROM earliest`)
    const dueAt = row?.['due_at'] ?? undefined
    return dueAt === undefined ? undefined : epochMs(Number(dueAt))
  }

  coverage(now: EpochMs): Coverage {
    const [row] = this.#all(
      'SELECT COUNT(*) AS managed, COUNT(*) FILTER (WHERE usable_until > ?) AS stapled FROM schedules',
      now,
    )
    const managed = Number(row?.['managed'] ?? 0)
    const stapled = Number(row?.['stapled'] ?? 0)
    return { managed, stapled, missing: stapled < managed ? this.#namesWithout(now) : [] }
  }

  problems(): readonly SourceProblem[] {
    return this.#all('SELECT path, problem FROM problems ORDER BY path').map((row) => ({
      path: String(row['path']),
      problem: String(row['problem']),
    }))
  }

  #namesWithout(now: EpochMs): string[] {
    const sql = `SELECT c.name FROM schedules s JOIN certificates c ON c.key = s.certificate
      WHERE s.usable_until <= ? ORDER BY s.urgency, s.usable_until LIMIT ${MOST_NAMES}`
    return this.#all(sql, now).map(({ name }) => String(name))
  }

  #all(sql: string, ...values: (string | number)[]): Row[] {
    return withStoreErrors(this.#path, () => {
      const statement = this.#prepared.get(sql) ?? this.#database.prepare(sql)
      this.#prepared.set(sql, statement)
      return statement.all(...values)
    })
  }
}

/** The earliest due time of each responder, by jumping from one to the next in the index instead of reading it all. */
const EARLIEST = `
  WITH RECURSIVE names (responder) AS (
    SELECT MIN(responder) FROM schedules
    UNION ALL
    SELECT (SELECT MIN(s.responder) FROM schedules s WHERE s.responder > names.responder)
    FROM names WHERE names.responder IS NOT NULL
  ), earliest (responder, due_at) AS (
    SELECT responder, (SELECT MIN(due_at) FROM schedules s WHERE s.responder = names.responder)
    FROM names WHERE responder IS NOT NULL
  )`

const PAGE = 200
const MOST_NAMES = 10
