import type { Server } from 'node:tls'
import { warn } from './warning.ts'

/** Gives the staples for handshakes. Asked in every handshake that wants one, so an answer from memory should come without a promise. */
export interface HandshakeStaples {
  /**
   * The staple for a certificate, DER; `undefined` where there is none now. Never one that has expired. Handshakes wait for a
   * promise, so it must settle soon; a rejection counts as `undefined`.
   */
  staple(
    certificate: Uint8Array,
    issuer: Uint8Array,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined>
}

/**
 * Staples from a `tls`, `https` or `http2` server of Node.js. Disposing of the result stops it.
 *
 * The server's `cert` must hold the issuer's certificate after its own, as `fullchain.pem` does: without it no response
 * can be asked for, and clients could not verify one. A server with an RSA and an ECDSA certificate needs a
 * SecureContext for each, chosen by `SNICallback`: with both in one context Node.js names the last one here, whichever
 * is in use, and half of the clients would get the wrong staple. Resumed sessions carry no staple, as TLS has it.
 */
export function stapleFrom(server: Server, staples: HandshakeStaples): Disposable {
  let warned: 'no' | 'yes' = 'no'
  const onRequest = (
    certificate: Buffer | null,
    issuer: Buffer | null,
    callback: (error: Error | null, response: Buffer | null) => void,
  ) => {
    // An error would end the connection; a handshake without staple is better than none.
    const answer = (staple: Uint8Array | undefined) =>
      callback(null, staple === undefined ? null : asBuffer(staple))
    if (certificate === null || issuer === null) {
      if (warned === 'no') {
        warn(
          'NO_ISSUER',
          'the TLS server has no issuer beside its certificate and goes without OCSP staples; give `cert` the chain, as in fullchain.pem',
        )
      }
      warned = 'yes'
      return answer(undefined)
    }
    const staple = fromSource(staples, certificate, issuer)
    if (staple instanceof Promise) void staple.catch(() => undefined).then(answer)
    else answer(staple)
  }
  server.on('OCSPRequest', onRequest)
  return { [Symbol.dispose]: () => void server.off('OCSPRequest', onRequest) }
}

function fromSource(
  staples: HandshakeStaples,
  certificate: Uint8Array,
  issuer: Uint8Array,
): ReturnType<HandshakeStaples['staple']> {
  try {
    return staples.staple(certificate, issuer)
  } catch {
    return undefined
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
