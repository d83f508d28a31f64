import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { peerPath } from '../_peer.ts'
import { type ServerSetup, startServer, type TestServer } from './server.ts'

/** A NATS server with TLS; `lines` stand at the top level. */
export function startNats({ folder, certificate, lines }: ServerSetup): Promise<TestServer> {
  const config = join(folder, 'nats.conf')
  return startServer(async ([port]) => {
    await writeFile(
      config,
      `listen: "127.0.0.1:${port}"
tls { cert_file: "${certificate.chain}", key_file: "${certificate.key}" }
${lines}
`,
    )
    return { path: peerPath('nats-server'), args: ['-c', config] }
  })
}

/** The staple, DER, as a client of NATS gets it: the server speaks first, then TLS begins. */
export async function natsStaple(port: number, ca: Buffer): Promise<Buffer | undefined> {
  const plain = connectTcp(port, '127.0.0.1')
  await once(plain, 'data')
  const socket = connectTls({ socket: plain, ca, servername: 'www.test', requestOCSP: true })
  let staple: Buffer | undefined
  socket.on('OCSPResponse', (response: Buffer | null) => {
    staple = response ?? undefined
  })
  await once(socket, 'secureConnect')
  socket.destroy()
  return staple
}
