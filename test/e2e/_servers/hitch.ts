import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { peerPath } from '../_peer.ts'
import { type ServerSetup, startServer, type TestServer } from './server.ts'

/** Hitch in front of a server that says `ok`; `lines` have the certificate, with its key in the same file. */
export async function startHitch({
  folder,
  lines,
}: Omit<ServerSetup, 'certificate'>): Promise<TestServer> {
  const backend = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1')
  await once(backend, 'listening')
  const { port: backendPort } = backend.address() as AddressInfo
  const config = join(folder, 'hitch.conf')
  const server = await startServer(async ([port]) => {
    await writeFile(
      config,
      `frontend = { host = "127.0.0.1" port = "${port}" }
backend = "[127.0.0.1]:${backendPort}"
workers = 1
${process.getuid?.() === 0 ? 'user = "nobody"\ngroup = "nogroup"\n' : ''}${lines}
`,
    )
    // Hitch reads it before it gives up its privileges.
    await chmod(config, 0o600)
    return { path: peerPath('hitch'), args: ['--config', config] }
  })
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      backend.closeAllConnections()
      backend.close()
    },
  }
}
