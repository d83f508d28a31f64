import { statSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { SourceProblem } from '../certificates/source.ts'
import { type EpochMs, epochMs } from '../der/time.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'
import { keptAttempts } from './kept-attempts.ts'
import { checkSchema, migrations } from './migrations.ts'
import { failureOf, storeError } from './sqlite-error.ts'
import {
  attemptOf,
  changeOf,
  edgeOf,
  edgeStateOf,
  entryOf,
  probeOf,
  type Row,
  responderCoverageOf,
  responderOf,
  SELECT_ENTRY,
  SELECT_ENTRY_WITH_OUTPUTS,
} from './sqlite-rows.ts'
import {
  type Changes,
  type ChangesWanted,
  type Coverage,
  type EdgeRecord,
  type EdgeState,
  type Entry,
  type ProbeResult,
  type ResponderCoverage,
  type ResponderRecord,
  StoreError,
} from './store.ts'

/**
 * The reading half of the store: a read-only connection, which runs beside a writer of this or another process. Every statement is
 * finished before control is given back, so that none holds an old snapshot and keeps the log from shrinking.
 */
export class SqliteReader implements Disposable {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #run: Record<keyof typeof statements, StatementSync>

  /** Opens a database that has the newest schema; throws a `StoreError` where it cannot. */
  constructor(path: string) {
    this.#path = path
    const parts = this.#guard(() => open(path))
    this.#database = parts.database
    this.#run = parts.prepared
  }

  async certificateIds(): Promise<ReadonlySet<string>> {
    const ids = new Set<string>()
    let after = ''
    while (true) {
      const page = this.#all('idsAfter', after, ID_PAGE)
      for (const { id } of page) ids.add(String(id))
      if (page.length < ID_PAGE) return ids
      after = String(page.at(-1)?.['id'])
      await turn()
    }
  }

  async *entries(): AsyncGenerator<Entry, void, undefined> {
    let after = { name: '', id: '' }
    while (true) {
      const page = this.#all('entriesAfter', after.name, after.id, ENTRY_PAGE).map(entryOf)
      yield* page
      const last = page.at(-1)
      if (last === undefined || page.length < ENTRY_PAGE) return
      after = last.certificate
      await turn()
    }
  }

  entry(by: { readonly id: string } | { readonly certIDKey: string }): Entry | undefined {
    const row =
      'id' in by ? this.#get('entryById', by.id) : this.#get('entryByCertIDKey', by.certIDKey)
    return row === undefined ? undefined : entryOf(row)
  }

  changes({ after, limit, ids }: ChangesWanted): Changes {
    const rows =
      ids === undefined
        ? this.#all('changesAfter', after, limit)
        : this.#all('changesOf', JSON.stringify(ids), after, limit)
    const { id, last, forgotten } = this.#get('feed') ?? {}
    const changes = rows.map(changeOf)
    return { changes, feed: String(id), last: Number(last), forgotten: Number(forgotten) }
  }

  nextDueAt(): EpochMs | undefined {
    const at = this.#get('nextDueAt')?.['due_at'] ?? null
    return at === null ? undefined : epochMs(Number(at))
  }

  coverage(now: EpochMs): Coverage {
    const { managed, without } = this.#get('coverage', now) ?? {}
    // Either way is slow for the other case: a million names to sort, or a million certificates to pass over.
    const names = Number(without) > FEW_MISSING ? 'missingOfMany' : 'missingOfFew'
    return {
      managed: Number(managed),
      stapled: Number(managed) - Number(without),
      missing: this.#all(names, now).map(({ name }) => String(name)),
    }
  }

  /** In pages: a million in one go hold up the thread for a quarter of a second. */
  async responderCoverage(now: EpochMs): Promise<ResponderCoverage[]> {
    const sums = new Map<string, ResponderCoverage>()
    const last = Number(this.#get('lastScheduled')?.['key'])
    for (let after = 0; after < last; after += COVERAGE_PAGE) {
      if (after > 0) await turn()
      for (const row of this.#all('responderCoverage', now, after, after + COVERAGE_PAGE)) {
        const part = responderCoverageOf(row)
        sums.set(part.responder, sum(part, sums.get(part.responder)))
      }
    }
    return [...sums.values()].sort((a, b) => (a.responder < b.responder ? -1 : 1))
  }

  attempts(responder: string): LoggedAttempt[] {
    return [...keptAttempts(this.#all('attempts', responder).map(attemptOf))]
  }

  responders(): ResponderRecord[] {
    return this.#all('responders').map(responderOf)
  }

  edges(): EdgeRecord[] {
    return this.#all('edges').map(edgeOf)
  }

  edgeStates(of: { readonly edge: string } | { readonly id: string }): EdgeState[] {
    const rows =
      'edge' in of ? this.#all('statesOfEdge', of.edge) : this.#all('statesOnEdges', of.id)
    return rows.map(edgeStateOf)
  }

  probes(): ProbeResult[] {
    return this.#all('probes').map(probeOf)
  }

  problems(): SourceProblem[] {
    return this.#all('problems').map(({ path, problem }) => ({
      path: String(path),
      problem: String(problem),
    }))
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close()
  }

  #get(name: keyof typeof statements, ...parameters: SQLInputValue[]): Row | undefined {
    return this.#guard(() => this.#run[name].get(...parameters))
  }

  #all(name: keyof typeof statements, ...parameters: SQLInputValue[]): Row[] {
    return this.#guard(() => this.#run[name].all(...parameters))
  }

  #guard<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw storeError(error, this.#path)
    }
  }
}

function sum(a: ResponderCoverage, b: ResponderCoverage | undefined): ResponderCoverage {
  if (b === undefined) return a
  return {
    responder: a.responder,
    managed: a.managed + b.managed,
    stapled: a.stapled + b.stapled,
    failing: a.failing + b.failing,
    mustStapleWithout: a.mustStapleWithout + b.mustStapleWithout,
  }
}

interface Opened {
  readonly database: DatabaseSync
  readonly prepared: Record<keyof typeof statements, StatementSync>
}

/**
 * A reader, too, makes files beside the database. A user who may not write there, or whose disk is full, can read all the same: without a
 * log nobody has the database open, so it does not change.
 */
function open(path: string): Opened {
  try {
    return connect(path, path)
  } catch (error) {
    const { resultCode = 0 } = failureOf(error)
    if (!CANNOT_WRITE.includes(resultCode & 0xff) || hasLog(path)) throw error
    const immutable = pathToFileURL(path)
    immutable.search = 'immutable=1'
    return connect(path, immutable)
  }
}

/** One without content is left behind where the disk was full at once. */
function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
}

function connect(path: string, location: string | URL): Opened {
  const database = new DatabaseSync(location, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
  try {
    if (checkSchema(database) < migrations.length) {
      throw new StoreError(
        `${path} is of an older release; start everstaple run once, which brings it up to date`,
      )
    }
    const prepared = Object.fromEntries(
      Object.entries(statements).map(([name, sql]) => [name, database.prepare(sql)]),
    ) as Record<keyof typeof statements, StatementSync>
    return { database, prepared }
  } catch (error) {
    database.close()
    throw error
  }
}

/** The changes that a query selects, with what `changeOf` reads. Joined one by one: as a subquery, every entry would be read. */
function changed(changes: string): string {
  const entry = SELECT_ENTRY.replace(
    'SELECT',
    'SELECT n.number, n.certificate AS changed,',
  ).replace(
    'FROM certificate c',
    `FROM (${changes}) n LEFT JOIN certificate c ON c.id = n.certificate`,
  )
  return `${entry} ORDER BY n.number`
}

const statements = {
  idsAfter: 'SELECT id FROM certificate WHERE id > ? ORDER BY id LIMIT ?',
  entriesAfter: `${SELECT_ENTRY_WITH_OUTPUTS} WHERE (c.name, c.id) > (?, ?) ORDER BY c.name, c.id LIMIT ?`,
  entryById: `${SELECT_ENTRY_WITH_OUTPUTS} WHERE c.id = ?`,
  // Two certificates can have one CertID, as when a CA issues a certificate again with the same serial number.
  entryByCertIDKey: `${SELECT_ENTRY_WITH_OUTPUTS} WHERE c.cert_id_key = ? ORDER BY t.usable_until DESC, c.id LIMIT 1`,
  changesAfter: changed('SELECT * FROM change WHERE number > ? ORDER BY number LIMIT ?'),
  changesOf: changed(
    'SELECT * FROM change WHERE certificate IN (SELECT value FROM json_each(?)) AND number > ? ORDER BY number LIMIT ?',
  ),
  feed: `
    SELECT id, forgotten, coalesce((SELECT max(number) FROM change), 0) AS last FROM feed`,
  nextDueAt: `
    SELECT min(due_at) AS due_at FROM (
      SELECT min(due_at) AS due_at FROM schedule WHERE ready = 0
      UNION ALL
      SELECT min(due_at) FROM schedule WHERE ready = 1)`,
  coverage: `
    SELECT (SELECT count(*) FROM schedule) AS managed,
      (SELECT count(*) FROM schedule WHERE usable_until <= ?) AS without`,
  // CROSS JOIN makes SQLite begin with the table on its left.
  missingOfFew: `
    SELECT name FROM schedule s CROSS JOIN certificate c ON c.key = s.certificate
    WHERE s.usable_until <= ? ORDER BY name, id LIMIT 10`,
  missingOfMany: `
    SELECT name FROM certificate c CROSS JOIN schedule s ON s.certificate = c.key
    WHERE s.usable_until <= ? ORDER BY name, id LIMIT 10`,
  lastScheduled: 'SELECT coalesce(max(certificate), 0) AS key FROM schedule',
  responderCoverage: `
    SELECT responder, count(*) AS managed, sum(usable_until > ?1) AS stapled, sum(attempts > 0) AS failing,
      sum(must_staple = 1 AND usable_until <= ?1) AS must_staple_without
    FROM schedule WHERE certificate > ?2 AND certificate <= ?3 GROUP BY responder`,
  attempts: 'SELECT * FROM attempt WHERE responder = ? ORDER BY number',
  responders: 'SELECT * FROM responder ORDER BY responder',
  edges: 'SELECT * FROM edge ORDER BY name',
  statesOfEdge: 'SELECT * FROM edge_state WHERE edge = ? ORDER BY certificate',
  statesOnEdges: 'SELECT * FROM edge_state WHERE certificate = ? ORDER BY edge',
  probes: 'SELECT * FROM probe_result ORDER BY target, certificate',
  problems: 'SELECT path, problem FROM problem ORDER BY key',
} as const

/** SQLITE_READONLY, SQLITE_IOERR (of the -shm file, which has no room), SQLITE_FULL and SQLITE_CANTOPEN. */
const CANNOT_WRITE = [8, 10, 13, 14]
/** Readers wait only for a writer that opens or closes the database; this blocks the thread. */
const BUSY_TIMEOUT_MS = 1_000
const ID_PAGE = 5_000
/** About a megabyte. */
const ENTRY_PAGE = 200
const FEW_MISSING = 5_000
/** Some 4 ms. */
const COVERAGE_PAGE = 20_000
