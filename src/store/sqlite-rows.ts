import type { SQLOutputValue } from 'node:sqlite'
import type { Classification } from '../certificates/classify.ts'
import { type DurationMs, durationMs, epochMs } from '../der/time.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'
import type { OldAttempt } from './kept-attempts.ts'
import type {
  CertificateRecord,
  Change,
  EdgeRecord,
  EdgeState,
  Entry,
  OutputState,
  ProbeResult,
  ResponderCoverage,
  ResponderRecord,
  Schedule,
  StapleRecord,
} from './store.ts'

/** What `statement.get()` gives. */
export type Row = Record<string, SQLOutputValue>

/** Selects all that `entryOf` reads; a WHERE over `c`, `s` (schedule) and `t` (staple) can follow. */
export const SELECT_ENTRY: string = `
  SELECT c.id, c.der, i.der AS issuer, c.name, c.sources, c.classification, c.must_staple, c.not_after, c.cert_id_key, c.responder,
    s.due_at, s.reason, s.attempts, s.last_attempt_at, s.last_error, s.revoked_as_of, s.revocation, s.unchanged_at,
    ${stapleColumns('t', 'staple')}, ${stapleColumns('f', 'former')}
  FROM certificate c
  LEFT JOIN issuer i ON i.key = c.issuer
  LEFT JOIN schedule s ON s.certificate = c.key
  LEFT JOIN staple t ON t.certificate = c.key
  LEFT JOIN former_staple f ON f.certificate = c.key`

/** {@link SELECT_ENTRY} with one column more, for reports. */
export const SELECT_ENTRY_WITH_OUTPUTS: string = SELECT_ENTRY.replace(
  'FROM certificate c',
  `, (SELECT json_group_array(json_array(o.output, o.place, o.state, o.staple_sha256, o.problem, o.since))
      FROM output_state o WHERE o.certificate = c.key) AS outputs
  FROM certificate c`,
)

/** The entry in a row of {@link SELECT_ENTRY} or {@link SELECT_ENTRY_WITH_OUTPUTS}. */
export function entryOf(row: Row): Entry {
  const outputs = row['outputs'] === undefined ? [] : outputsOf(text(row['outputs']))
  return {
    certificate: certificateOf(row),
    schedule: row['due_at'] === null ? undefined : scheduleOf(row),
    staple: stapleOf(row, 'staple'),
    former: stapleOf(row, 'former'),
    ...(outputs.length === 0 ? {} : { outputs }),
  }
}

/** In the order of the table's key, in which SQLite reads them. */
function outputsOf(json: string): OutputState[] {
  const rows = JSON.parse(json) as (readonly [
    output: string,
    place: string,
    state: OutputState['state'],
    stapleSha256: string | null,
    problem: string | null,
    since: number,
  ])[]
  return rows.map(([output, place, state, stapleSha256, problem, since]) => ({
    output,
    place,
    state,
    stapleSha256: stapleSha256 ?? undefined,
    problem: problem ?? undefined,
    since: epochMs(since),
  }))
}

/** The edge in a row of `edge`. */
export function edgeOf(row: Row): EdgeRecord {
  return { name: text(row['name']), seenAt: time(row['seen_at']), version: text(row['version']) }
}

/** The state in a row of `edge_state`. */
export function edgeStateOf(row: Row): EdgeState {
  const outcome = unlessNull(row['probe_outcome'], text)
  const outputs = JSON.parse(text(row['outputs'])) as OutputState[]
  return {
    edge: text(row['edge']),
    id: text(row['certificate']),
    stapleSha256: unlessNull(row['staple_sha256'], text),
    since: time(row['since']),
    // What was `undefined` is not in JSON.
    outputs: outputs.map((each) => ({ ...NO_OUTPUT_DETAILS, ...each })),
    probe: outcome === undefined ? undefined : { at: time(row['probed_at']), outcome },
  }
}

const NO_OUTPUT_DETAILS = { stapleSha256: undefined, problem: undefined }

/** The change in a row of `number, changed` and the columns of {@link SELECT_ENTRY}. */
export function changeOf(row: Row): Change {
  const entry = row['id'] === null ? undefined : entryOf(row)
  return { number: Number(row['number']), id: text(row['changed']), entry }
}

function stapleColumns(table: string, name: string): string {
  return `${table}.der AS ${name}, ${table}.received AS ${name}_received,
    ${table}.produced_at AS ${name}_produced_at, ${table}.this_update AS ${name}_this_update,
    ${table}.next_update AS ${name}_next_update, ${table}.usable_until AS ${name}_usable_until,
    ${table}.fetched_at AS ${name}_fetched_at, ${table}.served_from AS ${name}_served_from, ${table}.url AS ${name}_url`
}

/** The attempt in a row of `attempt`. */
export function attemptOf(row: Row): LoggedAttempt {
  return {
    responder: text(row['responder']),
    certificate: text(row['certificate']),
    certificateAge: duration(row['certificate_age']),
    at: time(row['at']),
    elapsed: duration(row['elapsed']),
    method: row['method'] === 'GET' ? 'GET' : 'POST',
    connection: row['connection'] === 'kept' ? 'kept' : 'fresh',
    remoteAddress: unlessNull(row['remote_address'], text),
    statusCode: unlessNull(row['status_code'], Number),
    outcome: text(row['outcome']),
    problem: unlessNull(row['problem'], text),
    thisUpdate: unlessNull(row['this_update'], time),
    nextUpdate: unlessNull(row['next_update'], time),
  }
}

/** What tells whether an attempt is kept, and its number with the responder. */
export function oldAttemptOf(row: Row): OldAttempt & { readonly number: number } {
  return {
    number: Number(row['number']),
    certificate: text(row['certificate']),
    at: time(row['at']),
    outcome: text(row['outcome']),
  }
}

/** What a row of `responder` remembers. */
export function responderOf(row: Row): ResponderRecord {
  return {
    responder: text(row['responder']),
    habits: {
      validity: unlessNull(row['validity'], duration),
      renewal: unlessNull(row['renewal'], duration),
      lag: duration(row['lag']),
      seen: Number(row['seen']),
    },
    health: {
      state: row['health'] === 'open' ? 'open' : 'closed',
      since: time(row['health_since']),
    },
    goneSince: unlessNull(row['gone_since'], time),
  }
}

/** What is known of a server, in a row of `probe_result`. */
export function probeOf(row: Row): ProbeResult {
  const id = text(row['certificate'])
  return {
    target: text(row['target']),
    certificate: id === '' ? undefined : { id, name: text(row['name']) },
    outcome: text(row['outcome']),
    problem: unlessNull(row['problem'], text),
    since: time(row['since']),
    checkedAt: time(row['checked_at']),
    handshakes: Number(row['handshakes']),
    stapled: Number(row['stapled']),
    countedSince: time(row['counted_since']),
  }
}

/** The coverage in a row of `responder, managed, stapled, failing, must_staple_without`. */
export function responderCoverageOf(row: Row): ResponderCoverage {
  return {
    responder: text(row['responder']),
    managed: Number(row['managed']),
    stapled: Number(row['stapled']),
    failing: Number(row['failing']),
    mustStapleWithout: Number(row['must_staple_without']),
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
    ...(row['revoked_as_of'] === null ? {} : { revokedAsOf: time(row['revoked_as_of']) }),
    ...(row['revocation'] === null ? {} : { revocation: bytes(row['revocation']) }),
    ...(row['unchanged_at'] === null ? {} : { unchangedAt: time(row['unchanged_at']) }),
  }
}

function stapleOf(row: Row, name: 'staple' | 'former'): StapleRecord | undefined {
  if (row[name] === null) return undefined
  const der = bytes(row[name])
  const fetchedAt = time(row[`${name}_fetched_at`])
  return {
    der,
    received: unlessNull(row[`${name}_received`], bytes) ?? der,
    producedAt: time(row[`${name}_produced_at`]),
    thisUpdate: time(row[`${name}_this_update`]),
    nextUpdate: time(row[`${name}_next_update`]),
    usableUntil: time(row[`${name}_usable_until`]),
    fetchedAt,
    servedFrom: unlessNull(row[`${name}_served_from`], time) ?? fetchedAt,
    url: text(row[`${name}_url`]),
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

function duration(value: SQLOutputValue | undefined): DurationMs {
  return durationMs(Number(value))
}

function text(value: SQLOutputValue | undefined): string {
  if (typeof value === 'string') return value
  throw new TypeError(`column holds ${typeof value}, text was expected`)
}

function bytes(value: SQLOutputValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new TypeError(`column holds ${typeof value}, a blob was expected`)
}
