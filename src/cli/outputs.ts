import { readFile } from 'node:fs/promises'
import { readBundle } from '../certificates/bundle.ts'
import { httpOcspUrls } from '../certificates/classify.ts'
import { scanCertificates } from '../certificates/folder.ts'
import { type FoundCertificate, sourcesWithin } from '../certificates/source.ts'
import type { Config } from '../config/config.ts'
import type { ServedCertificate } from '../edge/configuration-lines/configuration-lines.ts'
import type { ConfiguredOutput } from '../edge/configuration-lines/everstaple-lines.ts'
import { type LinesServer, linesServers } from '../edge/configuration-lines/servers.ts'
import type { Clock } from '../time/clock.ts'
import { keyShape } from '../x509/certificate.ts'
import { readSettings } from './settings.ts'
import { columns, type ExitStatus, oneLine, type Terminal, UsageError } from './terminal.ts'

/** What `everstaple outputs` takes. */
export interface OutputsOptions {
  readonly config?: string | undefined
  readonly json?: boolean | undefined
}

/**
 * Prints the lines for a server's configuration and for ours, for the certificates that the configuration names; without a server, what
 * servers there are. Throws a {@link UsageError}.
 */
export async function outputsCommand(
  server: string | undefined,
  options: OutputsOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
): Promise<ExitStatus> {
  if (server === undefined) return listServers(options, terminal)
  const kind = linesServers.find(({ name }) => name === server)
  if (kind === undefined) {
    const known = linesServers.map(({ name }) => name).join(', ')
    throw new UsageError(`'${server}' is no server with known lines`, `give one of ${known}`)
  }
  const config = await readSettings({ config: options.config })
  // That of our own listener is not for another server.
  const paths = config.certificates.filter((path) => path !== config.tls?.certificate)
  const { certificates } = await scanCertificates(paths, clock.now())
  const configured = configuredFor(server, config)
  const stapled = certificates.filter(({ classification }) => classification === 'ocsp')
  const served = await Promise.all(ownOf(configured, stapled).map(servedCertificate))
  if (served.length === 0) {
    throw new UsageError(
      'no certificate that can have a staple is configured',
      'name files or folders under `certificates:` in the file given with --config',
    )
  }
  const lines = kind.lines({
    certificates: served,
    endpoint: endpointOf(config),
    listen: `${bracketed(config.listen.host)}:${config.listen.port}`,
    configured,
  })
  const report = { server, serverLines: lines.server, everstapleLines: lines.everstaple }
  if (options.json) terminal.out(JSON.stringify(report))
  else for (const line of textLines(kind, report)) terminal.out(line)
  return 0
}

function listServers({ json }: OutputsOptions, terminal: Terminal): ExitStatus {
  const servers = linesServers.map(({ name, way }) => ({ name, way }))
  if (json) terminal.out(JSON.stringify({ servers }))
  else for (const line of columns(servers.map(({ name, way }) => [name, way]))) terminal.out(line)
  return 0
}

/** The object that `everstaple outputs SERVER --json` prints. */
interface OutputsReport {
  readonly server: string
  readonly serverLines: ReturnType<LinesServer['lines']>['server']
  readonly everstapleLines: readonly string[]
}

function textLines(
  { comment }: LinesServer,
  { server, serverLines, everstapleLines }: OutputsReport,
): readonly string[] {
  const placed = serverLines.flatMap(({ place, lines }) => [
    `${comment} ${oneLine(place)}`,
    ...lines.map(oneLine),
    '',
  ])
  return [
    `${comment} Configuration of ${server}`,
    ...placed,
    '# Configuration of everstaple',
    ...everstapleLines,
  ]
}

function configuredFor(server: string, { outputs }: Config): ConfiguredOutput {
  const { certificates, file, socket, test, reload } =
    outputs.find((output) => output.server === server) ?? {}
  return Object.fromEntries(
    Object.entries({ certificates, file, socket, test, reload }).filter(
      ([, value]) => value !== undefined,
    ),
  )
}

/** The certificates that an output gets, with those of their files. */
function ownOf(
  { certificates: own }: ConfiguredOutput,
  all: readonly FoundCertificate[],
): readonly FoundCertificate[] {
  if (own === undefined) return all
  return all
    .map((each) => ({ ...each, sources: sourcesWithin(own, each.sources) }))
    .filter(({ sources }) => sources.length > 0)
}

async function servedCertificate(found: FoundCertificate): Promise<ServedCertificate> {
  const { certificate, name, sources } = found
  const { kind } = keyShape(certificate)
  return {
    id: certificate.fingerprint,
    serial: Buffer.from(certificate.serialNumber).toString('hex'),
    name,
    dnsNames: certificate.extensions.dnsNames,
    key: kind,
    ocspUrls: httpOcspUrls(certificate),
    file: await fileWithIssuer(sources),
  }
}

/** Of certbot's `cert.pem` and `fullchain.pem` the latter is what servers are given. */
async function fileWithIssuer(sources: readonly string[]): Promise<string> {
  for (const path of sources.length > 1 ? sources : []) {
    const bytes = await readFile(path).catch(() => Buffer.alloc(0))
    const { issuers } = readBundle(bytes)
    // There may be a private key in it.
    bytes.fill(0)
    if (issuers.length > 0) return path
  }
  return sources[0] ?? ''
}

/** Where servers of this machine reach the OCSP endpoint. */
function endpointOf({ listen, ocspListen, tls }: Config): string {
  if (tls !== undefined && ocspListen === undefined) {
    throw new UsageError(
      '`listen` speaks TLS, over which servers do not ask an OCSP responder',
      'set ocspListen, such as 127.0.0.1:8889',
    )
  }
  const { host, port } = ocspListen ?? listen
  if (port === 0) {
    throw new UsageError(
      '`listen` takes any free port, so that no server can be told of it',
      'give it a port, such as 127.0.0.1:8888',
    )
  }
  const reached = ANY_ADDRESS.get(host) ?? host
  return `http://${bracketed(reached)}:${port}/ocsp/`
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

const ANY_ADDRESS: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
])
