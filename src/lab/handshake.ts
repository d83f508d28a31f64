import { connect, createSecureContext, type SecureContext } from 'node:tls'

/** Whom to shake hands with, on this machine. */
export interface HandshakeOptions {
  readonly port: number
  /** Sent as SNI; the certificate must be for it. */
  readonly servername: string
  /** PEM of the root that is trusted. */
  readonly ca: string
  /** Default: 5 seconds. */
  readonly timeoutMs?: number
}

/** What a client got that asked for a staple. */
export type Handshake =
  /** The chain is verified; the response is as it came, not judged. */
  | { readonly kind: 'stapled'; readonly response: Uint8Array }
  | { readonly kind: 'unstapled' }
  | { readonly kind: 'failed'; readonly problem: string }

/** One full handshake, without session resumption, that asks for a staple as browsers do. Never rejects. */
export function shakeHands(options: HandshakeOptions): Promise<Handshake> {
  const { port, servername, ca, timeoutMs = 5_000 } = options
  return new Promise((resolve) => {
    let response: Uint8Array | undefined
    const secureContext = contextFor(ca)
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername,
      secureContext,
      requestOCSP: true,
    })
    const finish = (handshake: Handshake) => {
      socket.destroy()
      resolve(handshake)
    }
    socket
      .setTimeout(timeoutMs, () => finish({ kind: 'failed', problem: 'timed out' }))
      .on('OCSPResponse', (stapled: Buffer | null) => {
        if (stapled !== null) response = stapled
      })
      .on('error', ({ message }) => finish({ kind: 'failed', problem: message }))
      .on('close', () => finish({ kind: 'failed', problem: 'closed by the server' }))
      .once('secureConnect', () =>
        finish(response === undefined ? { kind: 'unstapled' } : { kind: 'stapled', response }),
      )
  })
}

/** Made once for each root: that takes longer than a handshake. */
function contextFor(ca: string): SecureContext {
  const context = contexts.get(ca) ?? createSecureContext({ ca })
  contexts.set(ca, context)
  return context
}

const contexts = new Map<string, SecureContext>()
