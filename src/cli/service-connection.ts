import { rootCertificates } from 'node:tls'
import { Agent } from 'undici'
import type { Config } from '../config/config.ts'
import type { DurationMs } from '../der/time.ts'
import { readNamed } from './given-files.ts'
import { readSettings } from './settings.ts'
import { UsageError } from './terminal.ts'
import { readTokenFile } from './token-file.ts'
import { readTrustedCertificates } from './trusted-certificates.ts'

/** How a command is told where the service is. */
export interface ServiceFlags {
  readonly config?: string | undefined
  /** URL. Default: where the service listens by its configuration. */
  readonly server?: string | undefined
  /** File with the token that is shown. */
  readonly tokenFile?: string | undefined
  /** PEM file with certificates that the service's is trusted by, beside those of Node.js. */
  readonly ca?: string | undefined
}

/** The way to a running service. Disposing of it ends its connections. */
export interface ServiceConnection extends AsyncDisposable {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly dispatcher: Agent
}

/** Finds the way; nothing is sent yet. `answersWithin`: how long the service may take. Throws a {@link UsageError}. */
export async function serviceConnection(
  { config, server, tokenFile, ca }: ServiceFlags,
  answersWithin: DurationMs,
): Promise<ServiceConnection> {
  const { url, trust } =
    server === undefined
      ? await ownServer(await readSettings({ config }))
      : { url: givenUrl(server), trust: {} }
  const given =
    ca === undefined
      ? trust
      : { ca: [...rootCertificates, await readTrustedCertificates('--ca', ca)] }
  const token = tokenFile === undefined ? undefined : await readTokenFile('--token-file', tokenFile)
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const dispatcher = new Agent({ headersTimeout: answersWithin, connect: given })
  return { url, headers, dispatcher, [Symbol.asyncDispose]: () => dispatcher.destroy() }
}

/** Where the service of a configuration is reached from this machine, and how it is known to be that one. */
async function ownServer({ listen: { host, port }, tls }: Config) {
  if (port === 0) {
    throw new UsageError('listen has port 0, any free one', 'name the service with --server')
  }
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const at = `${reached.includes(':') ? `[${reached}]` : reached}:${port}`
  if (tls === undefined) return { url: new URL(`http://${at}`), trust: {} }
  // By the very certificate of the configuration: an address of this machine is not among its names.
  const ca = firstCertificate(await readNamed('tls.certificate', tls.certificate))
  const trust = { ca, allowPartialTrustChain: true, checkServerIdentity: () => undefined }
  return { url: new URL(`https://${at}`), trust }
}

function givenUrl(server: string): URL {
  const url = URL.parse(server)
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  throw new UsageError(
    `--server '${server}' is not a URL with http: or https:`,
    'write it as http://127.0.0.1:8888 or https://staples.example.org:8443',
  )
}

/** Not its issuers: others have certificates of theirs, too. */
function firstCertificate(file: Uint8Array): string {
  const pem = Buffer.from(file).toString('latin1')
  return /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(pem)?.[0] ?? ''
}
