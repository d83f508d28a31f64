import { type DurationMs, durationMs, iso } from '../der/time.ts'
import { type Habits, isKnown, unknownHabits } from '../responders/cadence.ts'
import { findPatterns } from '../responders/patterns/find-patterns.ts'
import { openSqliteStoreForReading } from '../store/sqlite.ts'
import type { ResponderCoverage, ResponderRecord } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { formatDuration } from '../time/duration.ts'
import { readSettings } from './settings.ts'
import type { StatusOptions } from './status.ts'
import { columns, type ExitStatus, oneLine, paint, type Terminal } from './terminal.ts'

/**
 * Reports on every responder: what depends on it, how it does, how often it renews, and which patterns of sick CAs its answers show. Status 1
 * where one of them is away. Throws a `StoreError` or a `UsageError`.
 */
export async function statusRespondersCommand(
  options: StatusOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
): Promise<ExitStatus> {
  const config = await readSettings({ config: options.config, data: options.data })
  await using store = await openSqliteStoreForReading({ folder: config.data })
  const known = new Map((await store.responders()).map((record) => [record.responder, record]))
  const reports: ResponderReport[] = []
  for (const coverage of await store.responderCoverage(clock.now())) {
    const record = known.get(coverage.responder)
    const { habits = unknownHabits, goneSince } = record ?? {}
    const attempts = await store.attempts(coverage.responder)
    reports.push(reportOf(coverage, record, findPatterns({ attempts, habits, goneSince })))
  }
  if (options.json) terminal.out(JSON.stringify({ responders: reports }))
  else for (const line of table(terminal, reports)) terminal.out(line)
  return reports.some(({ state }) => state === 'away') ? 1 : 0
}

/** One of the responders that `everstaple status --responders --json` prints. Times are ISO 8601, lengths of time in seconds. */
interface ResponderReport {
  readonly responder: string
  readonly certificates: number
  readonly stapled: number
  readonly failing: number
  /** `away`: nothing but trouble since `since`; it is only probed. */
  readonly state: 'answers' | 'away'
  readonly since: string | null
  /** As learnt; null until three renewals were seen. */
  readonly renewsEverySeconds: number | null
  readonly validitySeconds: number | null
  readonly findings: readonly {
    readonly pattern: string
    readonly evidence: string
    readonly advice: string
    readonly firstSeen: string
    readonly lastSeen: string
    readonly certificates: number
  }[]
}

function reportOf(
  { responder, managed, stapled, failing }: ResponderCoverage,
  record: ResponderRecord | undefined,
  findings: ReturnType<typeof findPatterns>,
): ResponderReport {
  const isAway = record?.health.state === 'open'
  return {
    responder,
    certificates: managed,
    stapled,
    failing,
    state: isAway ? 'away' : 'answers',
    since: isAway ? iso(record.health.since) : null,
    ...periods(record?.habits ?? unknownHabits),
    findings: findings.map((finding) => ({
      ...finding,
      firstSeen: iso(finding.firstSeen),
      lastSeen: iso(finding.lastSeen),
    })),
  }
}

function periods(habits: Habits): Pick<ResponderReport, 'renewsEverySeconds' | 'validitySeconds'> {
  const seconds = (length: DurationMs | undefined) =>
    length === undefined ? null : Math.round(length / 1_000)
  return {
    renewsEverySeconds: isKnown(habits) ? seconds(habits.renewal) : null,
    validitySeconds: seconds(habits.validity),
  }
}

function table(terminal: Terminal, reports: readonly ResponderReport[]): string[] {
  if (reports.length === 0) return ['no certificate that is managed names a responder']
  const head = ['responder', 'certificates', 'stapled', 'failing', 'state', 'renews every']
  const rows = reports.map((report) => {
    const { responder, certificates, stapled, failing, state, since, renewsEverySeconds } = report
    return [
      oneLine(responder),
      String(certificates),
      paint(terminal, stapled < certificates ? 'red' : 'green', String(stapled)),
      failing === 0 ? '0' : paint(terminal, 'yellow', String(failing)),
      state === 'away' ? paint(terminal, 'red', `away since ${since}`) : state,
      renewsEverySeconds === null ? 'not known yet' : lengthOf(renewsEverySeconds),
    ]
  })
  const [header = '', ...lines] = columns([head, ...rows])
  return [paint(terminal, 'bold', header), ...lines.flatMap((line, i) => [line, ...remarks(i)])]

  function remarks(index: number): string[] {
    return (reports[index]?.findings ?? []).flatMap((finding) => {
      const { pattern, evidence, advice, firstSeen, lastSeen, certificates } = finding
      const touched = certificates === 1 ? '1 certificate' : `${certificates} certificates`
      return [
        `  ${paint(terminal, 'yellow', pattern)}: ${oneLine(evidence)}`,
        `    ${oneLine(advice)} (${touched}, ${firstSeen} to ${lastSeen})`,
      ]
    })
  }
}

function lengthOf(seconds: number): string {
  return formatDuration(durationMs(seconds * 1_000))
}
