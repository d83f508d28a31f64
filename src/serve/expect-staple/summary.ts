import { type EpochMs, epochMs } from '../../der/time.ts'
import type { CollectedReport } from './collected-report.ts'

/** What clients reported of one server and certificate. */
export interface ReportSummary {
  readonly host: string
  readonly port: number
  /** As in `CollectedReport`. */
  readonly certificate: string | undefined
  readonly name: string | undefined
  /** How many reports there were of each reason, the most first. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[]
  readonly firstAt: EpochMs
  readonly lastAt: EpochMs
  /** The last of its kind. */
  readonly example: CollectedReport
}

/**
 * Brings reports of the same server and certificate together: those of managed certificates first,
 * then the latest. Pure.
 */
export function summarize(reports: readonly CollectedReport[]): readonly ReportSummary[] {
  const groups = Map.groupBy(reports, ({ host, port, certificate, name }) =>
    JSON.stringify([host, port, certificate, name]),
  )
  return [...groups.values()].map(summaryOf).sort(byWorth)
}

function summaryOf(group: readonly CollectedReport[]): ReportSummary {
  const [example] = group.toSorted((a, b) => b.lastAt - a.lastAt)
  // A group has at least the one that it was made for.
  if (example === undefined) throw new Error('a group of no reports')
  const { host, port, certificate, name, lastAt } = example
  return {
    ...{ host, port, certificate, name, lastAt, example },
    reasons: countsByReason(group),
    firstAt: epochMs(Math.min(...group.map(({ firstAt }) => firstAt))),
  }
}

function countsByReason(group: readonly CollectedReport[]): ReportSummary['reasons'] {
  const counts = new Map<string, number>()
  for (const { reason, count } of group) counts.set(reason, (counts.get(reason) ?? 0) + count)
  const all = [...counts].map(([reason, count]) => ({ reason, count }))
  return all.sort((a, b) => b.count - a.count)
}

function byWorth(a: ReportSummary, b: ReportSummary): number {
  const foreign = Number(a.name === undefined) - Number(b.name === undefined)
  return foreign === 0 ? b.lastAt - a.lastAt : foreign
}
