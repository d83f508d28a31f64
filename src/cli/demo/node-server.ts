import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { ServerProcess } from '../../lab/server-process.ts'
import { everstaple, stapleFrom } from '../../tls/index.ts'
import type { StageCertificate } from './stage.ts'

/** Where an https server gets its staples, what it has, and where it listens: 0 for any free port. */
export interface NodeServerOptions {
  readonly serviceUrl: string
  readonly certificates: readonly StageCertificate[]
  readonly port: number
}

/** An https server as users of `everstaple/tls` write it. It listens once there is a staple for every certificate: no handshake goes without. */
export async function startNodeServer({
  serviceUrl,
  certificates,
  port,
}: NodeServerOptions): Promise<ServerProcess> {
  const server = serverFor(certificates)
  const staples = everstaple({ url: serviceUrl })
  server.once('close', () => staples[Symbol.dispose]())
  stapleFrom(server, staples)
  for (const { chain } of certificates) await staples.ready(chain)
  return listening(server, port)
}

/** The same server without everstaple: Node.js staples nothing by itself. */
export function startBareNodeServer(
  certificates: readonly StageCertificate[],
): Promise<ServerProcess> {
  return listening(serverFor(certificates), 0)
}

function serverFor(certificates: readonly StageCertificate[]): Server {
  const contexts = new Map(
    certificates.map(({ name, leaf, chain }) => [
      name,
      createSecureContext({ key: leaf.keyPem, cert: chain }),
    ]),
  )
  return createServer(
    { SNICallback: (name, done) => done(null, contexts.get(name)) },
    (_request, response) => void response.end('ok\n'),
  )
}

async function listening(server: Server, port: number): Promise<ServerProcess> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
