import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import type { LabCertificate } from '../../src/lab/ca.ts'

/** A TLS server that staples whatever bytes it is told to, and says `ok`. */
export interface StapleServer extends AsyncDisposable {
  readonly port: number
  /** For the handshakes from now on. */
  staple(response: Uint8Array): void
}

/** Starts one for `localhost`, which sends the leaf and its issuer. */
export async function startStapleServer(
  leaf: LabCertificate,
  issuer: LabCertificate,
): Promise<StapleServer> {
  let staple: Uint8Array = Uint8Array.of()
  const server = createServer({ key: leaf.keyPem, cert: leaf.pem + issuer.pem })
  server.on('OCSPRequest', (_certificate, _issuer, answer) => answer(null, Buffer.from(staple)))
  server.on('tlsClientError', () => {})
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok'))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    staple: (response) => {
      staple = response
    },
    [Symbol.asyncDispose]: async () => {
      await once(server.close(), 'close')
    },
  }
}

/** An OCSP responder with one answer for each path: `/0/…`, `/1/…`, whatever is asked. */
export interface FixedResponder extends AsyncDisposable {
  readonly url: (index: number) => string
}

export async function startFixedResponder(
  responses: readonly Uint8Array[],
): Promise<FixedResponder> {
  const server = createHttpServer((request, answer) => {
    const body = responses[Number(request.url?.split('/')[1])] ?? Uint8Array.of()
    const headers = { 'content-type': 'application/ocsp-response', 'content-length': body.length }
    answer.writeHead(200, headers).end(body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: (index) => `http://127.0.0.1:${port}/${index}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}
