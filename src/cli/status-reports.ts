import { durationMs, type EpochMs, iso } from '../der/time.ts'
import { current } from '../serve/expect-staple/collected-report.ts'
import { readReportFile } from '../serve/expect-staple/report-file.ts'
import { type ReportSummary, summarize } from '../serve/expect-staple/summary.ts'
import { formatDuration } from '../time/duration.ts'
import { columns, oneLine, paint, type Terminal } from './terminal.ts'

/** What clients reported of one certificate of a server (docs/expect-staple.md), as `everstaple status --json` prints it. Times are ISO 8601. */
export interface ClientReport {
  readonly server: string
  /** `null` where the reports show none; its name is `null` where it is not managed, and all of this is hearsay. */
  readonly certificate: { readonly id: string; readonly name: string | null } | null
  /** The most frequent first. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[]
  /** Of the last one, in words; may hold what strangers sent. */
  readonly detail: string
  readonly firstAt: string
  readonly lastAt: string
}

/** What clients reported lately, by the data folder: of managed certificates first. Rejects with what reading gave. */
export async function clientReports(
  folder: string,
  now: EpochMs,
): Promise<readonly ClientReport[]> {
  return summarize(current(await readReportFile(folder), now)).map(clientReport)
}

/** A summary of reports as data for scripts. */
export function clientReport(summary: ReportSummary): ClientReport {
  const { host, port, certificate: id, name, reasons, example, firstAt, lastAt } = summary
  return {
    server: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    certificate: id === undefined ? null : { id, name: name ?? null },
    reasons,
    detail: example.detail,
    firstAt: iso(firstAt),
    lastAt: iso(lastAt),
  }
}

/** The section of `everstaple status` on what clients reported; nothing where nothing was. */
export function clientReportLines(
  terminal: Terminal,
  reports: readonly ClientReport[],
  now: EpochMs,
): string[] {
  const ours = reports.filter(({ certificate }) => typeof certificate?.name === 'string')
  const shown = ours.slice(0, MOST_SHOWN)
  const more = ours.length - shown.length
  const foreign = reports.length - ours.length
  const rows = shown.map((report) => [
    paint(terminal, 'yellow', '!'),
    oneLine(report.server),
    oneLine(report.certificate?.name ?? '-'),
    describeClientReport(report, now),
  ])
  return [
    ...(rows.length > 0 ? [paint(terminal, 'yellow', 'reported by clients')] : []),
    ...columns(rows),
    ...(more > 0 ? [`   ${more} more are in --json`] : []),
    ...(foreign > 0
      ? [`reported of certificates that are not managed: ${foreign}, in --json`]
      : []),
  ]
}

/** What was reported in words: `none-sent 12, next-update-passed 2; last 3m ago: no staple was sent`. */
export function describeClientReport(
  { reasons, detail, lastAt }: ClientReport,
  now: EpochMs,
): string {
  const counts = reasons.map(({ reason, count }) => `${reason} ${count}`).join(', ')
  const ago = formatDuration(durationMs(Math.max(0, now - Date.parse(lastAt))))
  return oneLine(`${counts}; last ${ago} ago: ${detail}`)
}

/** Whoever reaches the listener can send a thousand, each of another server. */
const MOST_SHOWN = 20
