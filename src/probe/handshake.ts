import type { X509Certificate } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { type DurationMs, durationMs, SECOND_MS } from '../der/time.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { type ConnectionFailure, connectionFailure } from './connection-failure.ts'
import { type Offer, offerOptions } from './offer.ts'
import type { Target } from './target.ts'

/** What came of one handshake. */
export type Handshake =
  | CompletedHandshake
  | { readonly kind: 'failed'; readonly offer: Offer; readonly failure: ConnectionFailure }

/** A handshake that came about, with what the server sent in it. */
export interface CompletedHandshake {
  readonly kind: 'completed'
  readonly offer: Offer
  readonly certificate: Certificate
  /** All certificates as the server sent them, its own first. */
  readonly chain: readonly Certificate[]
  /** The bytes off the wire, not judged; `undefined` where none were sent. */
  readonly staple: Uint8Array | undefined
  /** Why the chain or the name is not trusted, by a code of node:tls; `undefined` where it is. */
  readonly distrust: string | undefined
}

/** How hands are shaken. */
export interface HandshakeOptions {
  /** PEM of the CAs that are trusted, roots or not. Default: the roots of Node.js. */
  readonly roots?: string | undefined
  /** For name look-up, connection and handshake together. Default: 10 s, as browsers and monitoring systems give up after not much more. */
  readonly timeout?: DurationMs
  /** How names are looked up. Default: as the system does. */
  readonly lookup?: LookupFunction
  /** Ends it before its time; it counts as failed then. */
  readonly signal?: AbortSignal | undefined
}

/**
 * One full handshake that asks for a staple. Each is a fresh session: in a resumed one no server sends a certificate or a staple. A chain that
 * is not trusted ends nothing here. Never rejects.
 */
export function shakeHands(
  target: Target,
  offer: Offer,
  { roots, timeout = TIMEOUT, lookup, signal }: HandshakeOptions = {},
): Promise<Handshake> {
  return new Promise((resolve) => {
    const { host, port, servername } = target
    let staple: Uint8Array | undefined
    const socket = connect({
      ...offerOptions(offer),
      host,
      port,
      ...(servername !== undefined && { servername }),
      ...(roots !== undefined && { ca: roots, allowPartialTrustChain: true }),
      ...(lookup !== undefined && { lookup }),
      requestOCSP: true,
      rejectUnauthorized: false,
    })
    const finish = (handshake: Handshake) => {
      clearTimeout(late)
      signal?.removeEventListener('abort', giveUp)
      socket.destroySoon()
      resolve(handshake)
    }
    const fail = (failure: ConnectionFailure) => finish({ kind: 'failed', offer, failure })
    const giveUp = () => {
      const problem = `no handshake within ${timeout / SECOND_MS} s`
      fail({ reason: 'timeout', problem })
      socket.destroy()
    }
    const late = setTimeout(giveUp, timeout)
    signal?.addEventListener('abort', giveUp)
    socket
      .on('OCSPResponse', (sent: Buffer | null) => {
        staple = sent ?? undefined
      })
      .on('error', (error) => fail(connectionFailure(error)))
      .on('close', () => fail({ reason: 'connection-closed', problem: 'the server closed it' }))
      .once('secureConnect', () => finish(completed(socket, offer, staple)))
  })
}

function completed(socket: TLSSocket, offer: Offer, staple: Uint8Array | undefined): Handshake {
  const chain = sentChain(socket.getPeerX509Certificate())
  const [certificate] = chain
  if (certificate === undefined) {
    const problem = 'the server’s certificate cannot be read'
    return { kind: 'failed', offer, failure: { reason: 'handshake-refused', problem } }
  }
  return {
    kind: 'completed',
    offer,
    certificate,
    chain,
    // A CertificateStatus of no bytes is one in name only.
    staple: staple?.length === 0 ? undefined : staple,
    distrust: socket.authorized ? undefined : String(socket.authorizationError),
  }
}

/** `issuerCertificate` goes through what was sent, in its order, whoever issued what; it does not look into the trusted roots. */
function sentChain(first: X509Certificate | undefined): readonly Certificate[] {
  const chain: Certificate[] = []
  for (let next = first; next !== undefined; next = next.issuerCertificate) {
    const certificate = parseCertificate(next.raw)
    // Where the first one cannot be read there is nothing to judge; others are only looked at for the issuer.
    if (!('kind' in certificate)) chain.push(certificate)
    else if (chain.length === 0) return []
  }
  return chain
}

const TIMEOUT = durationMs(10 * SECOND_MS)
