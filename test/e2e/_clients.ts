import { peerPath } from './_peer.ts'
import { runProgram } from './_program.ts'

/** A TLS server to shake hands with. */
export interface Server {
  readonly port: number
  /** Sent as SNI; the certificate must be for it. */
  readonly name: string
  /** Path of the root that is trusted. */
  readonly root: string
}

/** What `openssl s_client -status` saw. */
export type OpensslSaw =
  | { readonly kind: 'no-staple' }
  | {
      readonly kind: 'staple'
      /** `successful`, or the error status of the response. */
      readonly responseStatus: string
      /** `good`, `revoked` or `unknown`. */
      readonly certStatus: string | undefined
      /** Lower-case hex. */
      readonly serial: string | undefined
      /** As openssl prints times: `Nov 24 03:58:00 2026 GMT`. */
      readonly thisUpdate: string | undefined
      readonly nextUpdate: string | undefined
    }

/** How to shake hands with openssl. */
export interface OpensslOptions {
  /** Which certificate a server with both kinds of key shall use. Default: its choice. */
  readonly signatures?: 'rsa' | 'ecdsa'
  /** For a server that begins without TLS. */
  readonly starttls?: 'smtp'
}

/** Shakes hands with TLS 1.3, asking for a staple. openssl prints what it gets; it does not judge. */
export async function opensslSees(
  { port, name, root }: Server,
  { signatures, starttls }: OpensslOptions = {},
): Promise<OpensslSaw> {
  const algorithms = { rsa: 'rsa_pss_rsae_sha256', ecdsa: 'ecdsa_secp256r1_sha256' }
  const { stdout, stderr } = await runProgram(peerPath('openssl'), [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', name, '-status'],
    ...['-CAfile', root, '-verify_return_error'],
    ...(starttls === undefined ? [] : ['-starttls', starttls]),
    ...(signatures === undefined ? [] : ['-sigalgs', algorithms[signatures]]),
  ])
  if (/OCSP response: no response sent/.test(stdout)) return { kind: 'no-staple' }
  const field = (label: string) => new RegExp(`${label}: *(.+)`).exec(stdout)?.[1]?.trim()
  const responseStatus = field('OCSP Response Status')?.split(' ')[0]
  if (responseStatus === undefined) throw new Error(`no handshake with ${name}: ${stderr}${stdout}`)
  return {
    kind: 'staple',
    responseStatus,
    certStatus: field('Cert Status'),
    serial: field('Serial Number')?.toLowerCase(),
    thisUpdate: field('This Update'),
    nextUpdate: field('Next Update'),
  }
}

/** What `curl --cert-status` made of a server: it requires a staple, and verifies it. */
export type CurlVerdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }

/** Fetches a page, requiring a staple. Status 91 is a staple that is missing or bad. */
export async function curlJudges({ port, name, root }: Server): Promise<CurlVerdict> {
  const { status, stderr } = await runProgram(peerPath('curl'), [
    ...['--silent', '--show-error', '--noproxy', '*', '--cert-status', '--cacert', root],
    ...['--resolve', `${name}:${port}:127.0.0.1`, `https://${name}:${port}/`],
  ])
  return status === 0 ? { kind: 'accepted' } : { kind: 'refused', status, message: stderr.trim() }
}

/**
 * Shakes hands with `gnutls-cli`, which verifies a staple that it is given. Gives `stapled` when it got one and trusts it, else what
 * it said.
 */
export async function gnutlsJudges(
  { port, name, root }: Server,
  { starttls }: Pick<OpensslOptions, 'starttls'> = {},
): Promise<string> {
  const { status, stdout, stderr } = await runProgram(peerPath('gnutls-cli'), [
    ...['--x509cafile', root, '--sni-hostname', name, '--verify-hostname', name],
    ...(starttls === undefined ? [] : ['--starttls-proto', starttls]),
    ...['--port', String(port), '127.0.0.1'],
  ])
  const isJudged = /The certificate is trusted/.test(stdout) && /OCSP status request/.test(stdout)
  return status === 0 && isJudged ? 'stapled' : `status ${status}: ${stderr}${stdout}`
}
