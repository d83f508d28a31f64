import type { OpensslCa, OpensslCertificate } from './_openssl-ca.ts'
import { peerPath } from './_peer.ts'
import { type RunningProgram, startProgram } from './_program.ts'

/** How `openssl ocsp` answers. */
export interface ResponderOptions {
  /** Default: the issuer itself. */
  readonly signer?: OpensslCertificate
  /** From thisUpdate, which is now, to nextUpdate. Default: four days. */
  readonly validMinutes?: number
}

/** `openssl ocsp` as a responder: one connection at a time, HTTP/1.0. It is stopped and started again on the same port. */
export interface OpensslResponder extends AsyncDisposable {
  readonly url: string
  stop(): Promise<void>
  /** Starts it again, stopping it if it runs; certificates issued or revoked since are known from then on. */
  start(options?: ResponderOptions): Promise<void>
}

/** Starts a responder for a CA on a free port. */
export async function startOpensslResponder(
  ca: OpensslCa,
  options: ResponderOptions = {},
): Promise<OpensslResponder> {
  let program: RunningProgram | undefined = await launch(ca, '0', options)
  const port = program.ready[1] ?? ''
  const stop = async () => {
    await program?.stop()
    program = undefined
  }
  return {
    url: `http://127.0.0.1:${port}`,
    stop,
    async start(options = {}) {
      await stop()
      program = await launch(ca, port, options)
    },
    [Symbol.asyncDispose]: stop,
  }
}

function launch(ca: OpensslCa, port: string, options: ResponderOptions): Promise<RunningProgram> {
  const { signer = ca.issuer, validMinutes = FOUR_DAYS_MINUTES } = options
  return startProgram({
    path: peerPath('openssl'),
    args: [
      ...['ocsp', '-index', ca.index, '-CA', ca.issuer.certificate, '-port', port],
      ...['-rsigner', signer.certificate, '-rkey', signer.key, '-nmin', String(validMinutes)],
      ...['-ignore_err'],
    ],
    // It listens first, then reads the index, and may end over it.
    ready: /ACCEPT \S*:(\d+)[\s\S]*waiting for OCSP client/,
  })
}

const FOUR_DAYS_MINUTES = 4 * 24 * 60
