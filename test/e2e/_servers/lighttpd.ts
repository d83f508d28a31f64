import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peerPath } from '../_peer.ts'
import { type ServerSetup, startServer, type TestServer } from './server.ts'

/** lighttpd with one certificate; `lines` stand beside its ssl.pemfile. */
export function startLighttpd({ folder, certificate, lines }: ServerSetup): Promise<TestServer> {
  const config = configIn(folder)
  return startServer(async ([port]) => {
    await writeFile(
      config,
      `server.document-root = "${folder}"
server.bind = "127.0.0.1"
server.port = ${port}
server.modules = ( "mod_openssl" )
server.pid-file = "${pidFile(folder)}"
dir-listing.activate = "enable"
ssl.engine = "enable"
ssl.pemfile = "${certificate.chain}"
ssl.privkey = "${certificate.key}"
${lines}
`,
    )
    return { path: peerPath('lighttpd'), args: ['-D', '-f', config] }
  })
}

/** What an operator has everstaple run, for the lighttpd in this folder, once it runs. */
export function lighttpdCommands(folder: string): {
  readonly test: string
  readonly reload: string
} {
  const unlessRunning = `test ! -s ${pidFile(folder)}`
  return {
    test: `${unlessRunning} || ${peerPath('lighttpd')} -tt -f ${configIn(folder)}`,
    // What `systemctl reload lighttpd` does.
    reload: `${unlessRunning} || kill -USR1 "$(cat ${pidFile(folder)})"`,
  }
}

function configIn(folder: string): string {
  return join(folder, 'lighttpd.conf')
}

function pidFile(folder: string): string {
  return join(folder, 'lighttpd.pid')
}
