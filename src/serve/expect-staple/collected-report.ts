import { DAY_MS, type DurationMs, durationMs, type EpochMs, HOUR_MS } from '../../der/time.ts'
import type { CertStatus, ResponseStatus } from './report.ts'

/** Reports of one problem that came within an hour. */
export interface CollectedReport {
  readonly host: string
  readonly port: number
  /**
   * SHA-256 of the certificate that was sent, lower-case hex; `undefined` where the report has
   * none.
   */
  readonly certificate: string | undefined
  /**
   * What people call the certificate; `undefined` where it is not managed, and all of this is
   * hearsay.
   */
  readonly name: string | undefined
  /** See `Judgement`. */
  readonly reason: string
  /** Of the first report, in words for people; may hold what strangers sent. */
  readonly detail: string
  readonly count: number
  /** By our clock. */
  readonly firstAt: EpochMs
  readonly lastAt: EpochMs
  /** What the first report said. */
  readonly example: {
    /** By the client's clock. */
    readonly at: EpochMs
    readonly responseStatus: ResponseStatus
    readonly certStatus: CertStatus | undefined
    /** SHA-256 of the staple, lower-case hex; `undefined` where the report has none. */
    readonly stapleSha256: string | undefined
  }
}

/** How many are kept. Full of them, a file has some 600 kB. */
export const MAX_COLLECTED = 1_000

/**
 * How long one is kept after its last report: what is older says nothing of the staples of today.
 */
export const KEPT_FOR: DurationMs = durationMs(7 * DAY_MS)

/**
 * The reports with one more: counted with those of the same server, certificate and problem in the
 * hour, or added. Where there are too many, the oldest of a certificate that is not managed goes,
 * then the oldest of all: inventing certificates crowds out nothing that is ours. Pure.
 */
export function withReport(
  collected: readonly CollectedReport[],
  report: CollectedReport,
): readonly CollectedReport[] {
  const kept = current(collected, report.lastAt)
  const place = kept.findIndex((one) => isSame(one, report) && isWithinHour(one, report))
  const known = kept[place]
  if (known !== undefined) {
    return kept.with(place, { ...known, count: known.count + 1, lastAt: report.lastAt })
  }
  const all = [...kept, report]
  return all.length > MAX_COLLECTED ? all.toSpliced(leastWorth(all), 1) : all
}

/** Those that are not too old at `now`. */
export function current(
  collected: readonly CollectedReport[],
  now: EpochMs,
): readonly CollectedReport[] {
  return collected.filter(({ lastAt }) => now - lastAt < KEPT_FOR)
}

function isSame(a: CollectedReport, b: CollectedReport): boolean {
  return (
    a.host === b.host &&
    a.port === b.port &&
    a.certificate === b.certificate &&
    a.reason === b.reason &&
    // It may have become managed since.
    a.name === b.name
  )
}

/** Also where our clock was set back meanwhile. */
function isWithinHour({ firstAt }: CollectedReport, { lastAt }: CollectedReport): boolean {
  return Math.abs(lastAt - firstAt) < HOUR_MS
}

/** The place of the first that goes. */
function leastWorth(all: readonly CollectedReport[]): number {
  return all.reduce((least, one, place) => {
    const former = all[least]
    return former !== undefined && isWorthLess(one, former) ? place : least
  }, 0)
}

function isWorthLess(a: CollectedReport, b: CollectedReport): boolean {
  const isManaged = a.name !== undefined
  return isManaged === (b.name !== undefined) ? a.lastAt < b.lastAt : !isManaged
}
