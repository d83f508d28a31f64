import { readBundle } from '../certificates/bundle.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { expectStapleReport, type ObservedHandshake } from '../probe/expect-staple-report.ts'
import { checkServer, type ServerCheck, type ServerCheckOptions } from '../probe/server-check.ts'
import { isServername, parseTarget, type Target } from '../probe/target.ts'
import { type ServerVerdict, verdictOf } from '../probe/verdict.ts'
import { openSqliteStoreForReading } from '../store/sqlite.ts'
import type { Clock } from '../time/clock.ts'
import { certificatePem } from '../x509/pem.ts'
import { checkText } from './check-text.ts'
import { readGiven } from './given-files.ts'
import { givenReportUrl, postReports } from './post-reports.ts'
import { readSettings } from './settings.ts'
import { type ExitStatus, printError, type Terminal, UsageError } from './terminal.ts'

/** What `everstaple check` takes. */
export interface CheckOptions {
  readonly servername?: string | undefined
  readonly config?: string | undefined
  readonly data?: string | undefined
  readonly ca?: string | undefined
  readonly reportTo?: string | undefined
  readonly json?: boolean | undefined
}

/** Shakes hands with one server and judges what it staples: status 1 where something is wrong with it, 2 where no handshake came about. */
export async function checkCommand(
  server: string,
  options: CheckOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
): Promise<ExitStatus> {
  const target = givenTarget(server, options.servername)
  const roots = options.ca === undefined ? undefined : await givenRoots(options.ca)
  const url = options.reportTo === undefined ? undefined : givenReportUrl(options.reportTo)
  await using parts = new AsyncDisposableStack()
  let compared: Pick<ServerCheckOptions, 'policy' | 'store'> = { policy: defaultPolicy }
  if (options.data !== undefined || options.config !== undefined) {
    const { data, policy } = await readSettings({ config: options.config, data: options.data })
    compared = { policy, store: parts.use(await openSqliteStoreForReading({ folder: data })) }
  }
  // TLS 1.2 and 1.3 mostly give the same one.
  const reports = new Set<string>()
  const observed = (handshake: ObservedHandshake) => {
    const report = expectStapleReport(handshake)
    if (report !== undefined) reports.add(report)
  }
  const check = await checkServer(target, { clock, roots, observed, ...compared })
  const verdict = verdictOf(check)
  if (options.json) terminal.out(JSON.stringify(checkReport(check, verdict)))
  else for (const line of checkText(terminal, check, verdict)) terminal.out(line)
  if (url !== undefined && reports.size > 0) await report(url, reports, terminal)
  return statuses[verdict.level]
}

/** The exit status is that of the check, whatever becomes of the report: something is wrong already. */
async function report(url: URL, reports: ReadonlySet<string>, terminal: Terminal): Promise<void> {
  const problem = await postReports(url, reports)
  if (problem === undefined) terminal.err(`everstaple: reported to ${url.host}`)
  else printError(terminal, `not reported to ${url.host}: ${problem}`)
}

/** The object that `everstaple check --json` prints, and `everstaple probe --json` one a line. */
export function checkReport(check: ServerCheck, verdict: ServerVerdict): object {
  return { ok: verdict.level === 'OK', ...verdict, ...check }
}

/** A server given on the command line. Throws a {@link UsageError}. */
export function givenTarget(text: string, servername?: string): Target {
  if (servername !== undefined && !isServername(servername)) {
    throw new UsageError(`--servername '${servername}' is not a host name`, 'www.example.org')
  }
  const target = parseTarget(text, servername)
  if (target !== undefined) return target
  throw new UsageError(
    `'${text}' is not a server`,
    'write it as HOST, HOST:PORT or [ADDRESS]:PORT, such as www.example.org:443, and /NAME for another name',
  )
}

/** The certificates of a file, as roots. Throws a {@link UsageError}. */
export async function givenRoots(path: string): Promise<NonNullable<ServerCheckOptions['roots']>> {
  const { leaves, issuers, problems } = readBundle(await readGiven(path))
  const certificates = [...issuers, ...leaves]
  if (certificates.length > 0)
    return { pem: certificates.map(({ der }) => certificatePem(der)).join(''), certificates }
  const problem = problems[0] ?? 'it holds no certificate'
  throw new UsageError(`'${path}': ${problem}`, 'give the file of the CAs that clients trust')
}

const statuses = { OK: 0, WARNING: 1, CRITICAL: 1, UNKNOWN: 2 } as const
