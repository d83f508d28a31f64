import { classify } from '../certificates/classify.ts'
import type { SourceProblem } from '../certificates/source.ts'
import { durationMs, type EpochMs } from '../der/time.ts'
import {
  type CertificateReport as ApiReport,
  certificateReport,
} from '../serve/api/certificate-report.ts'
import { openSqliteStoreForReading } from '../store/sqlite.ts'
import { BEING_FETCHED, type Coverage, type Entry } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { formatDuration } from '../time/duration.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { isMeant } from './meant-certificate.ts'
import { readSettings } from './settings.ts'
import { describeOutputReport, outputTrouble } from './status-outputs.ts'
import {
  type ClientReport,
  clientReportLines,
  clientReports,
  describeClientReport,
} from './status-reports.ts'
import {
  describeServerReport,
  type ServerReport,
  serverLines,
  serverReport,
} from './status-servers.ts'
import { columns, type ExitStatus, oneLine, paint, type Terminal, UsageError } from './terminal.ts'

/** What `everstaple status` takes. */
export interface StatusOptions {
  readonly config?: string | undefined
  readonly data?: string | undefined
  readonly json?: boolean | undefined
}

/**
 * Reports from the data folder, beside a running service or without: status 1 where a certificate that can
 * have a staple has none. Throws a `StoreError` or a {@link UsageError}.
 */
export async function statusCommand(
  which: string | undefined,
  options: StatusOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
): Promise<ExitStatus> {
  const config = await readSettings({ config: options.config, data: options.data })
  await using store = await openSqliteStoreForReading({ folder: config.data })
  const now = clock.now()
  const reports: CertificateReport[] = []
  for await (const entry of store.entries()) {
    if (which === undefined || isMeant(entry.certificate, which)) reports.push(reportOf(entry, now))
  }
  if (which !== undefined && reports.length === 0) {
    throw new UsageError(
      `no certificate '${which}' is managed`,
      'give a name, a fingerprint or a file as `everstaple status` lists them',
    )
  }
  const coverage = await store.coverage(now)
  const problems = which === undefined ? await store.problems() : []
  const ids = new Set(reports.map(({ id }) => id))
  const isAsked = ({ certificate }: OfCertificate) =>
    which === undefined || ids.has(certificate?.id ?? '')
  const servers = (await store.probes()).filter(isAsked).map(serverReport)
  const reported = (await clientReports(config.data, now)).filter(isAsked)
  const report: StatusReport = { coverage, certificates: reports, servers, reported, problems }
  if (options.json) terminal.out(JSON.stringify(report))
  else
    for (const line of which === undefined
      ? overview(terminal, report, now)
      : reports.flatMap((of) => details(terminal, { of, servers, reported, now })))
      terminal.out(line)
  return reports.some(({ classification, usable }) => classification === 'ocsp' && !usable) ? 1 : 0
}

/** The object that `everstaple status --json` prints. Times are ISO 8601. */
interface StatusReport {
  readonly coverage: Coverage
  readonly certificates: readonly CertificateReport[]
  /** Of a certificate that was asked for, or all that are watched. */
  readonly servers: readonly ServerReport[]
  /** By clients, in Expect-Staple reports: of a certificate that was asked for, or all. */
  readonly reported: readonly ClientReport[]
  readonly problems: readonly SourceProblem[]
}

/** A result of ours or of a client, as far as it tells of which certificate it is. */
interface OfCertificate {
  readonly certificate?: { readonly id: string } | null | undefined
}

interface CertificateReport extends ApiReport {
  /** What its classification means for it, in words for people. */
  readonly detail: string
}

/** Classified anew: the service may not have run for a while. */
function reportOf(entry: Entry, now: EpochMs): CertificateReport {
  const { certificate: record } = entry
  const certificate = parseCertificate(record.der)
  const issuer = record.issuer && parseCertificate(record.issuer)
  const { classification, detail } =
    'kind' in certificate
      ? { classification: record.classification, detail: certificate.problem }
      : classify(certificate, issuer && !('kind' in issuer) ? issuer : undefined, now)
  return { ...certificateReport(entry, now), classification, detail }
}

function overview(
  terminal: Terminal,
  { coverage, certificates, servers, reported, problems }: StatusReport,
  now: EpochMs,
): string[] {
  const { managed, stapled } = coverage
  const share =
    managed === 0
      ? 'no certificate can have a staple'
      : `${stapled} of ${managed} certificates have a usable staple`
  const rows = certificates.map((report) => [
    mark(terminal, report),
    oneLine(report.name),
    report.mustStaple ? 'must-staple' : '',
    summary(report, now),
  ])
  return [
    paint(terminal, stapled < managed ? 'red' : 'green', share),
    ...columns(rows),
    ...problems.map(
      ({ path, problem }) => `${paint(terminal, 'yellow', '!')}  ${oneLine(`${path}: ${problem}`)}`,
    ),
    ...serverLines(terminal, servers, now),
    ...clientReportLines(terminal, reported, now),
  ]
}

function mark(terminal: Terminal, { usable, classification }: CertificateReport): string {
  if (usable) return paint(terminal, 'green', '+')
  if (classification === 'ocsp') return paint(terminal, 'red', '-')
  return classification === 'issuer-missing' ? paint(terminal, 'yellow', '!') : ' '
}

function summary(
  { classification, detail, usable, staple, schedule, outputs }: CertificateReport,
  now: EpochMs,
): string {
  if (classification !== 'ocsp') return oneLine(`${classification}: ${detail}`)
  const left =
    staple === null ? '' : formatDuration(durationMs(Date.parse(staple.usableUntil) - now))
  const cover = usable
    ? `staple for ${left} more`
    : staple === null
      ? 'no staple yet'
      : 'its staple has ended'
  const failing = schedule?.lastError ? `; failing: ${schedule.lastError}` : ''
  const trouble = outputTrouble(outputs)
  const output = trouble === undefined ? '' : `; ${trouble}`
  return oneLine(`${cover}${failing}${output}; ${nextFetch(schedule)}`)
}

function details(
  terminal: Terminal,
  {
    of,
    servers,
    reported,
    now,
  }: Pick<StatusReport, 'servers' | 'reported'> & {
    readonly of: CertificateReport
    readonly now: EpochMs
  },
): string[] {
  const { name, id, mustStaple, notAfter, sources, staple, schedule, outputs } = of
  const isOfIt = ({ certificate }: OfCertificate) => certificate?.id === id
  const rows = [
    ['fingerprint', id],
    ['files', sources.join(', ')],
    ['valid until', notAfter],
    ['must-staple', mustStaple ? 'yes' : 'no'],
    ...(staple === null
      ? []
      : [
          ['staple', `${staple.sizeBytes} bytes from ${staple.url}, fetched ${staple.fetchedAt}`],
          ['thisUpdate', staple.thisUpdate],
          ['nextUpdate', staple.nextUpdate],
          ['usable until', staple.usableUntil],
        ]),
    ...(schedule === null ? [] : [['schedule', nextFetch(schedule)]]),
    ...(schedule?.lastError
      ? [
          [
            'last error',
            `${schedule.lastError} (${schedule.failedAttempts} in a row, ${schedule.lastAttemptAt})`,
          ],
        ]
      : []),
    ...outputs.map((output) => ['output', describeOutputReport(output)]),
    ...servers
      .filter(isOfIt)
      .map((server) => ['server', `${server.server} ${describeServerReport(server, now)}`]),
    ...reported
      .filter(isOfIt)
      .map((report) => ['reported', `${report.server} ${describeClientReport(report, now)}`]),
  ]
  return [
    `${mark(terminal, of)} ${paint(terminal, 'bold', oneLine(name))}: ${summary(of, now)}`,
    ...columns(rows).map((line) => `    ${oneLine(line)}`),
  ]
}

function nextFetch(schedule: CertificateReport['schedule']): string {
  if (schedule === null) return 'not scheduled'
  if (schedule.reason === BEING_FETCHED) return BEING_FETCHED
  return `next fetch ${schedule.dueAt}: ${schedule.reason}`
}
