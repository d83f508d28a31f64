import { join } from 'node:path'
import { findNginx, startNginx } from '../../lab/nginx.ts'
import type { Target } from './clients.ts'
import { startNodeServer } from './node-server.ts'
import type { Stage } from './stage.ts'

/** The TLS servers of the demo. They end when disposed of. */
export interface Servers extends AsyncDisposable {
  readonly targets: readonly Target[]
  /** A row per server: name, address, how it gets its staples. */
  readonly rows: readonly (readonly string[])[]
}

/** Starts nginx where it is installed, and a Node.js server. The staples must have been written to their files. */
export async function startServers(
  { folder, stapled }: Stage,
  serviceUrl: string,
): Promise<Servers> {
  await using started = new AsyncDisposableStack()
  const targets: Target[] = []
  const rows: (readonly string[])[] = []
  const add = (server: string, port: number, how: string) => {
    for (const certificate of stapled) targets.push({ server, port, certificate })
    rows.push([server, `127.0.0.1:${port}`, how])
  }
  const program = findNginx()
  if (program === undefined) {
    rows.push(['nginx', '-', 'not installed here, so left out (apt-get install nginx-light)'])
  } else {
    try {
      const { port } = started.use(await startNginx(program, nginxPrefix(folder), stapled))
      add('nginx', port, 'reads staples from files; everstaple writes them, then reloads it')
    } catch (error) {
      rows.push(['nginx', '-', `left out, as it does not start: ${messageOf(error)}`])
    }
  }
  const { port } = started.use(await startNodeServer(serviceUrl, stapled))
  add('Node.js', port, 'asks everstaple over HTTP, by the library everstaple/tls')
  const kept = started.move()
  return { targets, rows, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Where nginx has its files. */
export function nginxPrefix(folder: string): string {
  return join(folder, 'nginx')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
