import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Feed, startFeed } from './_feed.ts'
import { describeWith, peerPath } from './_peer.ts'
import { runProgram } from './_program.ts'
import { createServerWorld, type ServerWorld, type WorldCertificate } from './_server-world.ts'
import { startApache } from './_servers/apache.ts'
import { startCaddy } from './_servers/caddy.ts'
import { natsStaple, startNats } from './_servers/nats.ts'
import { startNode } from './_servers/node.ts'
import type { TestServer } from './_servers/server.ts'
import { stapled } from './_stapled.ts'

let world: ServerWorld
beforeAll(async () => {
  world = await createServerWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())

describeWith(['openssl', 'curl', 'gnutls-cli', 'apache2'], 'Apache httpd', () => {
  stapled(
    () => world,
    async (parts) => {
      const folder = await world.folder('apache')
      const rsa = await world.issue(folder, 'rsa')
      const ecdsa = await world.issue(folder, 'ecdsa')
      const certificates = [rsa.chain, ecdsa.chain]
      const feed = parts.use(await startFeed({ folder, server: 'apache', certificates }))
      const server = parts.use(
        await startApache({
          ...{ folder, certificates: [rsa, ecdsa], lines: feed.lines() },
        }),
      )
      const serials = { rsa: rsa.serial, ecdsa: ecdsa.serial }
      // What it was given stays in its cache for a day, and no longer than until it is restarted.
      const lookAgain = () => process.kill(server.program.pid, 'SIGUSR1')
      return { feed, port: server.port, serials, lookAgain }
    },
  )
})

describeWith(['openssl', 'curl', 'gnutls-cli', 'caddy'], 'Caddy, for its own certificates', () => {
  stapled(
    () => world,
    async (parts) => {
      const folder = await world.folder('caddy')
      const certificate = await world.issue(folder, 'rsa')
      const feed = parts.use(
        await startFeed({ folder, server: 'caddy', certificates: [certificate.chain] }),
      )
      const server = parts.use(await startCaddy({ folder, certificate, lines: feed.lines() }))
      return { feed, port: server.port, serials: { rsa: certificate.serial } }
    },
    // Half-way to nextUpdate.
    { newer: 'late' },
  )
})

describeWith(['openssl', 'curl', 'gnutls-cli'], 'a Node.js program', () => {
  stapled(
    () => world,
    async (parts) => {
      const folder = await world.folder('node')
      const certificate = await world.issue(folder, 'ecdsa')
      const feed = parts.use(
        await startFeed({ folder, server: 'node', certificates: [certificate.chain] }),
      )
      const server = parts.use(
        await startNode({
          ...{ folder, certificate },
          imports: feed.lines(/imported/),
          lines: feed.lines(/listen/),
        }),
      )
      return { feed, port: server.port, serials: { ecdsa: certificate.serial } }
    },
    // At a quarter of what is left.
    { newer: 'late' },
  )
})

describeWith(['openssl', 'nats-server'], 'NATS', () => {
  let folder: string
  let certificate: WorldCertificate
  let feed: Feed
  let nats: TestServer

  beforeAll(async () => {
    folder = await world.folder('nats')
    certificate = await world.issue(folder, 'rsa')
    feed = await startFeed({ folder, server: 'nats', certificates: [certificate.chain] })
    nats = await startNats({ folder, certificate, lines: feed.lines() })
  })
  afterAll(async () => {
    await nats?.[Symbol.asyncDispose]()
    await feed?.[Symbol.asyncDispose]()
  })

  it('staples what openssl verifies, also when everstaple is killed', async () => {
    await feed.kill()
    const staple = join(folder, 'staple.der')
    await writeFile(staple, (await natsStaple(nats.port, await readFile(world.root))) ?? '')
    const { stdout, stderr } = await runProgram(peerPath('openssl'), [
      ...['ocsp', '-respin', staple, '-issuer', world.issuer, '-CAfile', world.root],
      ...['-cert', certificate.chain],
    ])
    expect(stderr).toMatch(/Response verify OK/)
    expect(stdout).toMatch(/: good/)
  })
})
