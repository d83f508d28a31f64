import { durationMs, type EpochMs, iso } from '../der/time.ts'
import type { ProbeResult } from '../store/store.ts'
import { formatDuration } from '../time/duration.ts'
import { columns, oneLine, paint, type Terminal } from './terminal.ts'

/** What the last check of a server found of one of its certificates, as `everstaple status --json` prints it. Times are ISO 8601. */
export interface ServerReport {
  readonly server: string
  /** `null` where no handshake ever came about that told it. */
  readonly certificate: { readonly id: string; readonly name: string } | null
  /** `stapled`, or what was wrong: docs/monitoring.md has the names. */
  readonly outcome: string
  readonly problem: string | null
  readonly since: string
  readonly checkedAt: string
  /** Those that came about, and of them those with a good staple, since `countedSince`. */
  readonly handshakes: number
  readonly stapled: number
  readonly countedSince: string
}

/** The result of a check as data for scripts. */
export function serverReport(result: ProbeResult): ServerReport {
  const { target: server, certificate, outcome, problem, handshakes, stapled } = result
  return {
    server,
    certificate: certificate ?? null,
    outcome,
    problem: problem ?? null,
    since: iso(result.since),
    checkedAt: iso(result.checkedAt),
    handshakes,
    stapled,
    countedSince: iso(result.countedSince),
  }
}

/** The section on servers of `everstaple status`; nothing where none are watched. */
export function serverLines(
  terminal: Terminal,
  reports: readonly ServerReport[],
  now: EpochMs,
): string[] {
  if (reports.length === 0) return []
  const servers = new Set(reports.map(({ server }) => server))
  const troubled = new Set(reports.filter(isTroubled).map(({ server }) => server))
  const well = servers.size - troubled.size
  const share = `${well} of ${servers.size} servers staple as they should`
  const rows = reports.map((report) => [
    isTroubled(report) ? paint(terminal, 'red', '-') : paint(terminal, 'green', '+'),
    oneLine(report.server),
    oneLine(report.certificate?.name ?? '-'),
    describeServerReport(report, now),
  ])
  return [paint(terminal, troubled.size > 0 ? 'red' : 'green', share), ...columns(rows)]
}

/** The result of a check in words: `stapled since …, 48 of 48 handshakes since …, checked 12s ago`. */
export function describeServerReport(report: ServerReport, now: EpochMs): string {
  const { outcome, problem, since, checkedAt, handshakes, stapled, countedSince } = report
  const because = problem === null ? '' : `: ${problem}`
  const counted = `${stapled} of ${handshakes} handshakes stapled since ${countedSince}`
  const ago = formatDuration(durationMs(now - Date.parse(checkedAt)))
  return oneLine(`${outcome} since ${since}${because}; ${counted}; checked ${ago} ago`)
}

function isTroubled({ problem }: ServerReport): boolean {
  return problem !== null
}
