import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { LabCertificate } from '../../src/lab/ca.ts'
import { shakeHands } from '../../src/lab/handshake.ts'
import { makeHierarchy } from '../../src/lab/hierarchy.ts'
import { openSqliteStoreForReading } from '../../src/store/sqlite.ts'
import { systemClock } from '../../src/time/clock.ts'
import { stapleFrom } from '../../src/tls/index.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { type FaultProxy, startFaultProxy } from './_fault-proxy.ts'
import { nginxReloadCommand, startNginx } from './_nginx.ts'
import { startRenewingResponder } from './_renewing-responder.ts'
import { startHaproxy } from './_servers/haproxy.ts'

/** An edge with a real server, and a network of its own to the centre. */
export interface PartitionedEdge {
  readonly server: 'nginx' | 'haproxy' | 'node'
  readonly agent: Everstaple
  readonly proxy: FaultProxy
  /** What the server staples to a client right now; `undefined` for nothing. */
  handshake(): Promise<Uint8Array | undefined>
  /** What stands in the staple file of a certificate. */
  written(number: number): Promise<Uint8Array>
}

/** A centre, and three edges with the same certificates. */
export interface PartitionedEdges extends AsyncDisposable {
  readonly edges: readonly PartitionedEdge[]
  /** What the centre has for each certificate. */
  stored(): Promise<readonly (Uint8Array | undefined)[]>
  /** Has the centre get newer staples for these certificates, now. */
  renew(numbers: readonly number[]): Promise<void>
}

/** Starts all of it; `seed` is of the networks. The first certificate is the one that servers have. */
export async function startPartitionedEdges(
  certificates: number,
  seed: number,
): Promise<PartitionedEdges> {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'everstaple-partitions-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const now = systemClock.now()
  const pki = makeHierarchy({ now, caKey: 'prime256v1' })
  const responder = parts.use(await startRenewingResponder(now))
  const leaves = Array.from({ length: certificates }, (_, number) =>
    pki.issueLeaf({ dnsNames: [nameOf(number)], ocspUrls: [responder.url(number)] }),
  )
  responder.answerFor(leaves, pki.issuer)
  const world = { folder, leaves, root: pki.root, issuer: pki.issuer }
  await install(world, 'centre')
  const centre = parts.use(
    await startEverstaple(join(folder, 'centre'), {
      ...{ certificates: ['certs'], data: 'data', responders: { allowAddresses: ['127.0.0.1'] } },
    }),
  )
  const edges: PartitionedEdge[] = []
  for (const [index, server] of (['nginx', 'haproxy', 'node'] as const).entries()) {
    const proxy = parts.use(await startFaultProxy(Number(new URL(centre.url).port), seed + index))
    edges.push(await startEdge({ ...world, server, proxy }, parts))
  }
  const data = join(folder, 'centre/data')
  const kept = parts.move()
  return {
    edges,
    async stored() {
      await using store = await openSqliteStoreForReading({ folder: data })
      const ids = leaves.map(({ certificate }) => certificate.fingerprint)
      const entries = await Promise.all(ids.map((id) => store.entry({ id })))
      return entries.map((entry) => entry?.staple?.der)
    },
    async renew(numbers) {
      makeDue(join(data, 'everstaple.db'), numbers.map(nameOf))
      // Taken already; the crawler looks what is due.
      const body = leaves[0]?.pem ?? ''
      await fetch(`${centre.url}/v1/certificates`, { method: 'PUT', body })
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

interface EdgeWorld {
  readonly folder: string
  readonly leaves: readonly LabCertificate[]
  readonly root: LabCertificate
  readonly issuer: LabCertificate
  readonly server: PartitionedEdge['server']
  readonly proxy: FaultProxy
}

/** Writes certificates, and for HAProxy what it needs beside its own. */
async function install(
  { folder, leaves, issuer }: Pick<EdgeWorld, 'folder' | 'leaves' | 'issuer'>,
  name: string,
): Promise<void> {
  const certs = join(folder, name, 'certs')
  await mkdir(certs, { recursive: true })
  for (const [number, { pem, keyPem }] of leaves.entries()) {
    const key = name === 'haproxy' && number === 0 ? keyPem : ''
    await writeFile(join(certs, `${nameOf(number)}.pem`), pem + issuer.pem + key)
  }
  await writeFile(join(folder, name, 'key.pem'), leaves[0]?.keyPem ?? '')
}

async function startEdge(world: EdgeWorld, parts: AsyncDisposableStack): Promise<PartitionedEdge> {
  const { folder, server, proxy, root, leaves } = world
  const own = join(folder, server)
  await install(world, server)
  const agent = parts.use(
    await startEverstaple(
      own,
      {
        ...{ certificates: ['certs'], data: 'data', agent: { server: proxy.url, name: server } },
        outputs: outputsOf(world),
      },
      'agent',
    ),
  )
  await agent.program.wrote(new RegExp(`^(?:[\\s\\S]*?"event":"fileWritten"){${leaves.length}}`))
  const port = await startServer(world, parts)
  return {
    ...{ server, agent, proxy },
    async handshake() {
      const seen = await shakeHands({ port, servername: nameOf(0), ca: root.pem })
      if (seen.kind === 'failed') throw new Error(`${server}: ${seen.problem}`)
      return seen.kind === 'stapled' ? seen.response : undefined
    },
    written: (number) => readFile(`${fileOf(own, number)}.ocsp`),
  }
}

function outputsOf({ folder, server, leaves }: EdgeWorld): readonly object[] {
  const own = join(folder, server)
  const file = '{source}.ocsp'
  switch (server) {
    case 'nginx':
      return [{ server, file, reload: nginxReloadCommand(own), debounce: '50ms' }]
    case 'haproxy':
      return [
        { server, file, socket: join(own, 'admin.sock'), certificates: [fileOf(own, 0)] },
        // HAProxy has only the first one.
        { file, certificates: leaves.slice(1).map((_, index) => fileOf(own, index + 1)) },
      ]
    case 'node':
      return [{ file }]
  }
}

function fileOf(own: string, number: number): string {
  return join(own, 'certs', `${nameOf(number)}.pem`)
}

/** Starts the server of an edge; gives its port. */
async function startServer(
  { folder, server, leaves, issuer }: EdgeWorld,
  parts: AsyncDisposableStack,
): Promise<number> {
  const own = join(folder, server)
  const [chain, key] = [fileOf(own, 0), join(own, 'key.pem')]
  switch (server) {
    case 'nginx': {
      const directives = ['ssl_stapling on;', `ssl_stapling_file ${chain}.ocsp;`]
      const nginx = parts.use(await startNginx(own, [{ leaf: { chain, key }, directives }]))
      return nginx.ports[0] ?? 0
    }
    case 'haproxy': {
      const socket = join(own, 'admin.sock')
      const lines = `stats socket ${socket} mode 600 level admin expose-fd listeners`
      const bindLine = `ssl crt ${chain}`
      return parts.use(await startHaproxy({ folder: own, lines, bindLine })).port
    }
    case 'node': {
      const cert = (leaves[0]?.pem ?? '') + issuer.pem
      const https = createServer({ cert, key: leaves[0]?.keyPem ?? '' })
      stapleFrom(https, { staple: () => readFile(`${chain}.ocsp`) })
      await once(https.listen(0, '127.0.0.1'), 'listening')
      parts.defer(() => void https.close())
      return (https.address() as AddressInfo).port
    }
  }
}

function makeDue(path: string, names: readonly string[]): void {
  using database = new DatabaseSync(path, { timeout: 2_000 })
  const update = database.prepare(`UPDATE schedule SET due_at = 0
    WHERE certificate = (SELECT key FROM certificate WHERE name = ?)`)
  for (const name of names) update.run(name)
}

function nameOf(number: number): string {
  return `www${number}.test`
}
