import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DurationMs } from '../../../src/der/time.ts'
import type { LabCertificate } from '../../../src/lab/ca.ts'
import { makeHierarchy } from '../../../src/lab/hierarchy.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { type Nginx, nginxReloadCommand, startNginx } from '../_nginx.ts'
import type { RunningProgram } from '../_program.ts'
import { startHaproxy } from '../_servers/haproxy.ts'
import { startNode } from '../_servers/node.ts'
import type { ServerCertificate, TestServer } from '../_servers/server.ts'
import { type KillableEverstaple, startKillableEverstaple } from './killable-everstaple.ts'
import { type MovingResponder, startMovingResponder } from './moving-responder.ts'

/** Three servers with one must-staple certificate, everstaple that feeds them, and a CA that can be made to fail. */
export interface World extends AsyncDisposable {
  readonly root: LabCertificate
  readonly issuer: LabCertificate
  readonly leaf: LabCertificate
  readonly servers: readonly ServerPort[]
  readonly nginx: Nginx
  readonly haproxy: RunningProgram
  readonly everstaple: KillableEverstaple
  readonly responder: MovingResponder
}

/** Where a server of the world listens. */
export interface ServerPort {
  /** For people. */
  readonly name: string
  readonly port: number
}

/** Starts all of it; the staples are there, and each can be used for `life`. */
export async function createWorld(life: DurationMs): Promise<World> {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'everstaple-handshakes-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const { root, issuer, issueLeaf } = makeHierarchy({
    now: systemClock.now(),
    caKey: 'prime256v1',
  })
  const responder = parts.use(await startMovingResponder(issuer, life))
  const leaf = issueLeaf({
    ...{ dnsNames: [SERVER_NAME], ocspUrls: [responder.url], tlsFeatures: [STATUS_REQUEST] },
  })
  const certificate = await writeCertificate(folder, leaf, issuer)
  const everstaple = parts.use(await startKillableEverstaple(folder, outputsIn(folder)))
  const nginx = parts.use(await nginxWith(folder, certificate))
  const haproxy = parts.use(await haproxyWith(folder))
  const node = parts.use(await nodeWith(folder, certificate, everstaple.url))
  const servers = [
    { name: 'nginx', port: nginx.ports[0] ?? 0 },
    { name: 'HAProxy', port: haproxy.port },
    { name: 'Node.js', port: node.port },
  ]
  const kept = parts.move()
  return {
    ...{ root, issuer, leaf, servers, nginx, haproxy: haproxy.program, everstaple, responder },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Writes what the servers are given, and the empty file with which HAProxy may start. */
async function writeCertificate(
  folder: string,
  leaf: LabCertificate,
  issuer: LabCertificate,
): Promise<ServerCertificate> {
  const at = (...names: readonly string[]) => join(folder, ...names)
  for (const name of ['certificates', 'haproxy', 'node']) await mkdir(at(name))
  const chain = leaf.pem + issuer.pem
  await writeFile(at('certificates', 'www.pem'), chain)
  await writeFile(at('www.key'), leaf.keyPem)
  await writeFile(at('haproxy', 'www.pem'), chain + leaf.keyPem)
  await writeFile(at('haproxy', 'www.pem.ocsp'), '')
  return { chain: at('certificates', 'www.pem'), key: at('www.key') }
}

function outputsIn(folder: string): readonly object[] {
  return [
    {
      server: 'nginx',
      file: join(folder, 'nginx.ocsp'),
      reload: nginxReloadCommand(folder),
      debounce: '200ms',
    },
    {
      server: 'haproxy',
      file: join(folder, 'haproxy', '{name}.pem.ocsp'),
      socket: join(folder, 'admin.sock'),
    },
  ]
}

function nginxWith(folder: string, leaf: ServerCertificate): Promise<Nginx> {
  const directives = ['ssl_stapling on;', `ssl_stapling_file ${join(folder, 'nginx.ocsp')};`]
  return startNginx(folder, [{ leaf, directives }])
}

/** With a socket that hands its listeners on in a reload, so that no connection is refused. */
function haproxyWith(folder: string): Promise<TestServer> {
  const socket = join(folder, 'admin.sock')
  return startHaproxy({
    ...{ folder, bindLine: `ssl crt ${join(folder, 'haproxy', 'www.pem')}` },
    lines: `stats socket ${socket} mode 600 level admin expose-fd listeners`,
  })
}

function nodeWith(
  folder: string,
  certificate: ServerCertificate,
  url: string,
): Promise<TestServer> {
  return startNode({
    ...{ folder: join(folder, 'node'), certificate },
    imports: "import { everstaple, stapleFrom } from 'everstaple/tls'",
    lines: `const staples = everstaple({ url: '${url}' })
stapleFrom(server, staples)
await staples.ready(chain)`,
  })
}

/** Whom clients ask for. */
export const SERVER_NAME = 'www.test'
/** The TLS feature of must-staple (RFC 7633). */
const STATUS_REQUEST = 5
