import { httpOcspUrls } from '../certificates/classify.ts'
import { writeDurably } from '../edge/durable-file.ts'
import { explain } from '../ocsp/explain.ts'
import { fetchIssuer } from '../responders/ca-issuers.ts'
import { describeFailure } from '../responders/fetch-failure.ts'
import { type Attempt, type FetchOutcome, fetchStaple } from '../responders/fetch-staple.ts'
import type { Transport } from '../responders/transport.ts'
import type { Clock } from '../time/clock.ts'
import type { Certificate } from '../x509/certificate.ts'
import { explanationText } from './explanation-text.ts'
import { type GivenCertificate, givenTime, readGivenCertificate } from './given-files.ts'
import { readSettings } from './settings.ts'
import { type ExitStatus, oneLine, type Terminal, UsageError } from './terminal.ts'
import { transportFor } from './transport-for.ts'

/** What `everstaple fetch` takes. */
export interface FetchCommandOptions {
  readonly config?: string | undefined
  readonly issuer?: string | undefined
  readonly url?: string | undefined
  readonly out?: string | undefined
  readonly at?: string | undefined
  readonly json?: boolean | undefined
}

/** Asks the responders of a certificate once, now, and tells all that came of it: status 1 where there is no acceptable staple. */
export async function fetchCommand(
  path: string,
  options: FetchCommandOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
): Promise<ExitStatus> {
  const config = await readSettings({ config: options.config })
  const now = givenTime(options.at, clock.now())
  const judgedAt: Clock =
    options.at === undefined
      ? clock
      : {
          now: () => now,
          monotonic: () => clock.monotonic(),
          sleep: (duration, signal) => clock.sleep(duration, signal),
        }
  const signal = new AbortController().signal
  await using transport = transportFor(config, clock)
  const given = await readGivenCertificate(path, options.issuer, now)
  const { certificate } = given
  const issuer = await issuerOf(given, transport, signal)
  const urls = urlsFor(path, certificate, options.url)
  const { policy } = config
  const outcome = await fetchStaple({
    certificate,
    issuer,
    urls,
    transport,
    clock: judgedAt,
    policy,
    signal,
  })
  const response = responseOf(outcome)
  const explanation =
    response &&
    explain({ response, certificate, issuer, now: judgedAt.now(), policy, servedChain: undefined })
  const problem = outcome.kind === 'failed' ? describeFailure(outcome.failure) : null
  if (options.json) {
    const attempts = outcome.attempts.map(attemptFields)
    const summary = { file: path, outcome: outcome.kind, problem, accepted: false }
    terminal.out(JSON.stringify({ ...summary, ...explanation, attempts }))
  } else {
    for (const line of attemptLines(outcome.attempts)) terminal.out(oneLine(line))
    if (explanation === undefined) terminal.out(oneLine(`${path}: no staple: ${problem}`))
    else terminal.out(explanationText(terminal, path, explanation, judgedAt.now()).join('\n'))
  }
  if (outcome.kind === 'failed') return 1
  if (options.out !== undefined) await writeDurably(options.out, outcome.staple.der, 0o644)
  return 0
}

function responseOf(outcome: FetchOutcome): Uint8Array | undefined {
  if (outcome.kind === 'staple') return outcome.staple.received
  return outcome.failure.kind === 'rejected' ? outcome.failure.received : undefined
}

async function issuerOf(
  { certificate, issuer }: GivenCertificate,
  transport: Transport,
  signal: AbortSignal,
): Promise<Certificate> {
  if (issuer !== undefined) return issuer
  const fetched = await fetchIssuer({ certificate, transport, signal })
  if (fetched.kind === 'issuer') return fetched.issuer
  throw new UsageError(
    `the issuer's certificate is not known: ${fetched.problem}`,
    'give it with --issuer, or put it into the same file, after the certificate',
  )
}

function urlsFor(
  path: string,
  certificate: Certificate,
  url: string | undefined,
): readonly string[] {
  if (url !== undefined) return [url]
  const urls = httpOcspUrls(certificate)
  if (urls.length > 0) return urls
  throw new UsageError(
    `'${path}' names no OCSP responder, as is normal for many certificates by now`,
    'give a responder with --url if its CA has one all the same',
  )
}

function attemptFields(attempt: Attempt): object {
  const { url, method, connection, remoteAddress, statusCode, elapsed, problem } = attempt
  return { url, method, connection, remoteAddress, statusCode, elapsedMs: elapsed, problem }
}

function attemptLines(attempts: readonly Attempt[]): string[] {
  return attempts.map(({ url, method, connection, remoteAddress, elapsed, problem }) => {
    const where = remoteAddress === undefined ? '' : ` (${remoteAddress})`
    const fresh = connection === 'fresh' ? ', a fresh connection' : ''
    return `${method} ${url}${where}${fresh}, ${Math.round(elapsed)} ms: ${problem ?? 'a good response'}`
  })
}
