import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peerPath } from '../_peer.ts'
import { type ServerSetup, startServer, type TestServer } from './server.ts'

/** HAProxy that says `ok`; `lines` are global. */
export function startHaproxy({
  folder,
  lines,
  bindLine,
}: Omit<ServerSetup, 'certificate'> & { readonly bindLine: string }): Promise<TestServer> {
  const config = join(folder, 'haproxy.cfg')
  return startServer(async ([port]) => {
    await writeFile(
      config,
      `global
  ${lines}
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend tls
  bind 127.0.0.1:${port} ${bindLine}
  http-request return status 200 content-type text/plain string ok
`,
    )
    return { path: peerPath('haproxy'), args: ['-W', '-f', config] }
  })
}
