import { durationMs, type EpochMs, iso } from '../der/time.ts'
import { type OutputReport, outputReport } from '../serve/api/certificate-report.ts'
import { edgeStanding, isSilent } from '../serve/api/edge-standing.ts'
import { openSqliteStoreForReading } from '../store/sqlite.ts'
import type { EdgeRecord, EdgeState, Entry } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { formatDuration } from '../time/duration.ts'
import { isMeant } from './meant-certificate.ts'
import { readSettings } from './settings.ts'
import type { StatusOptions } from './status.ts'
import { describeOutputReport } from './status-outputs.ts'
import { columns, type ExitStatus, oneLine, paint, type Terminal } from './terminal.ts'

/**
 * Reports on every edge: when it was last heard of, and which certificates are not live there; with a certificate, on those edges that have it,
 * and how it stands there. Status 1 where an edge is silent or behind. Throws a `StoreError` or a `UsageError`.
 */
export async function statusEdgesCommand(
  which: string | undefined,
  options: StatusOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
): Promise<ExitStatus> {
  const config = await readSettings({ config: options.config, data: options.data })
  await using store = await openSqliteStoreForReading({ folder: config.data })
  const now = clock.now()
  const reports: EdgeReport[] = []
  for (const edge of await store.edges()) {
    const states: EdgeEntry[] = []
    for (const state of await store.edgeStates({ edge: edge.name })) {
      const entry = await store.entry({ id: state.id })
      if (which === undefined || isOf(state, entry, which)) states.push({ state, entry })
    }
    if (which === undefined || states.length > 0) reports.push(edgeReport(edge, states, now))
  }
  const isMissing = which !== undefined && reports.length === 0
  if (options.json) terminal.out(JSON.stringify({ edges: reports }))
  else if (isMissing) terminal.out(`no edge has reported that it serves ${oneLine(which)}`)
  else for (const line of edgeLines(terminal, reports, { which, now })) terminal.out(line)
  const isWell = reports.every(({ silent, behind }) => !silent && behind.length === 0)
  return isWell && !isMissing ? 0 : 1
}

/** What an edge has reported of a certificate, and what the centre has of it; `undefined` where it does not manage it. */
export interface EdgeEntry {
  readonly state: EdgeState
  readonly entry: Entry | undefined
}

/** One of the edges that `everstaple status --edges --json` prints. Times are ISO 8601. */
export interface EdgeReport {
  readonly edge: string
  readonly version: string
  readonly seenAt: string
  readonly silent: boolean
  /** Certificates that it reports. */
  readonly certificates: number
  /** Those whose staple is live there and is one that the centre hands out. */
  readonly live: number
  readonly behind: readonly (OfCertificate & { readonly problem: string })[]
  /** What is live there, of each certificate. */
  readonly staples: readonly StapleReport[]
}

interface OfCertificate {
  readonly name: string
  readonly fingerprint: string
}

interface StapleReport extends OfCertificate {
  /** SHA-256 of the staple; null where it has none. */
  readonly stapleSha256: string | null
  /** Since when it has this one, or none. */
  readonly since: string
  readonly outputs: readonly OutputReport[]
  /** What the last handshake with a server there gave; null where none was tried. */
  readonly probe: { readonly at: string; readonly outcome: string } | null
}

/** An edge, by what it last reported. */
export function edgeReport(
  edge: EdgeRecord,
  states: readonly EdgeEntry[],
  now: EpochMs,
): EdgeReport {
  const behind = states.flatMap(({ state, entry }) => {
    const standing = edgeStanding(state, { edge, entry, now })
    return standing.kind === 'behind'
      ? [{ ...ofCertificate(state, entry), problem: standing.problem }]
      : []
  })
  const silent = isSilent(edge, now)
  return {
    edge: edge.name,
    version: edge.version,
    seenAt: iso(edge.seenAt),
    silent,
    certificates: states.length,
    live: silent ? 0 : states.length - behind.length,
    behind,
    staples: states.map(stapleReport),
  }
}

function stapleReport({ state, entry }: EdgeEntry): StapleReport {
  const { stapleSha256, since, outputs, probe } = state
  return {
    ...ofCertificate(state, entry),
    stapleSha256: stapleSha256 ?? null,
    since: iso(since),
    outputs: outputs.map(outputReport),
    probe: probe === undefined ? null : { at: iso(probe.at), outcome: probe.outcome },
  }
}

function ofCertificate({ id }: EdgeState, entry: Entry | undefined): OfCertificate {
  return { name: entry?.certificate.name ?? id.slice(0, 16), fingerprint: id }
}

function isOf({ id }: EdgeState, entry: Entry | undefined, which: string): boolean {
  return isMeant(entry?.certificate ?? { id, name: id, sources: [] }, which)
}

/** What `everstaple status --edges` prints: a line for each edge, with what is wrong there; all, of a certificate that is asked for. */
export function edgeLines(
  terminal: Terminal,
  reports: readonly EdgeReport[],
  { which, now }: { readonly which: string | undefined; readonly now: EpochMs },
): string[] {
  if (reports.length === 0) return ['no edge has reported; `everstaple agent` runs on them']
  const rows = reports.map((report) => {
    const { edge, version, seenAt, silent, certificates, live } = report
    return [
      mark(terminal, report),
      oneLine(edge),
      silent ? `silent for ${ago(seenAt, now)}` : `${live} of ${certificates} live`,
      `heard of ${ago(seenAt, now)} ago`,
      `agent ${oneLine(version)}`,
    ]
  })
  const details = reports.flatMap((report) =>
    [
      ...report.behind.map(({ name, problem }) => `${name} ${problem}`),
      ...report.staples.flatMap((staple) =>
        which === undefined ? unseen(staple, now) : whole(staple, now),
      ),
    ].map((line) => `    ${oneLine(`${report.edge}: ${line}`)}`),
  )
  return [...columns(rows), ...details]
}

function mark(terminal: Terminal, { silent, live, certificates, staples }: EdgeReport): string {
  if (silent || live < certificates) return paint(terminal, 'red', '-')
  return staples.some(isUnseen) ? paint(terminal, 'yellow', '!') : paint(terminal, 'green', '+')
}

/** A server there was asked, and a good staple did not come. */
function isUnseen({ probe }: StapleReport): boolean {
  return probe !== null && probe.outcome !== 'stapled'
}

function unseen(staple: StapleReport, now: EpochMs): string[] {
  return isUnseen(staple) ? [`${staple.name} ${probed(staple, now)}`] : []
}

function whole(staple: StapleReport, now: EpochMs): string[] {
  const { name, stapleSha256, since, outputs } = staple
  const has = stapleSha256 === null ? 'no staple' : `staple ${stapleSha256.slice(0, 16)}`
  return [`has ${has} since ${since}`, ...outputs.map(describeOutputReport), probed(staple, now)]
    .filter((words) => words !== '')
    .map((words) => `${name} ${words}`)
}

function probed({ probe }: StapleReport, now: EpochMs): string {
  return probe === null ? '' : `probed ${ago(probe.at, now)} ago: ${oneLine(probe.outcome)}`
}

function ago(time: string, now: EpochMs): string {
  return formatDuration(durationMs(Math.max(0, now - Date.parse(time))))
}
