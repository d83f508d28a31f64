import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peerPath } from '../_peer.ts'
import { type ServerCertificate, type ServerSetup, startServer, type TestServer } from './server.ts'

/** A listener of dnsdist. */
export interface DnsdistListener {
  readonly certificates: readonly ServerCertificate[]
  /** Of `everstaple outputs`, for the options. */
  readonly lines: string
}

/** dnsdist with a DNS over HTTPS and a DNS over TLS listener; `lines` stand before them. */
export async function startDnsdist(
  { folder, lines }: Pick<ServerSetup, 'folder' | 'lines'>,
  listener: DnsdistListener,
): Promise<TestServer & { readonly dotPort: number }> {
  let dotPort = 0
  const server = await startServer(async ([port, dot = 0, dns, console]) => {
    dotPort = dot
    const [chains, keys] = [filesOf(listener, 'chain'), filesOf(listener, 'key')]
    const options = `{ ${listener.lines} }`
    await writeFile(
      configIn(folder),
      `setSecurityPollSuffix("")
setLocal("127.0.0.1:${dns}")
newServer({ address = "127.0.0.1:9", checkInterval = 3600 })
setKey("jGXCKPMaqOmIsCKQrDuHIJPdHUjpxEfPwSr5CISEd0Q=")
${lines.replace('127.0.0.1:5199', `127.0.0.1:${console}`)}
addTLSLocal("127.0.0.1:${dot}", ${chains}, ${keys}, ${options})
addDOHLocal("127.0.0.1:${port}", ${chains}, ${keys}, "/dns-query", ${options})
`,
    )
    return { path: peerPath('dnsdist'), args: ['--supervised', '-C', configIn(folder)] }
  }, 4)
  return { ...server, dotPort }
}

/** What an operator has everstaple run, for the dnsdist in this folder, once it runs. */
export function dnsdistCommands(folder: string): {
  readonly test: string
  readonly reload: string
} {
  const dnsdist = `test ! -s ${configIn(folder)} || ${peerPath('dnsdist')} -C ${configIn(folder)}`
  return { test: `${dnsdist} --check-config`, reload: `${dnsdist} -e 'reloadAllCertificates()'` }
}

function configIn(folder: string): string {
  return join(folder, 'dnsdist.conf')
}

function filesOf({ certificates }: DnsdistListener, which: 'chain' | 'key'): string {
  return `{ ${certificates.map((certificate) => `"${certificate[which]}"`).join(', ')} }`
}
