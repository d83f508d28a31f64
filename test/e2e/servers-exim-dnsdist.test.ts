import { afterAll, beforeAll, expect, it } from 'vitest'
import { opensslSees } from './_clients.ts'
import { startFeed } from './_feed.ts'
import { describeWith } from './_peer.ts'
import { createServerWorld, type ServerWorld } from './_server-world.ts'
import { dnsdistCommands, startDnsdist } from './_servers/dnsdist.ts'
import { startExim } from './_servers/exim.ts'
import { stapled } from './_stapled.ts'

let world: ServerWorld
beforeAll(async () => {
  world = await createServerWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())

describeWith(['openssl', 'curl', 'gnutls-cli', 'exim4'], 'Exim, with STARTTLS', () => {
  stapled(
    () => world,
    async (parts) => {
      const folder = await world.folder('exim')
      const ecdsa = await world.issue(folder, 'ecdsa')
      const rsa = await world.issue(folder, 'rsa')
      const certificates = [ecdsa, rsa]
      const chains = certificates.map(({ chain }) => chain)
      const feed = parts.use(await startFeed({ folder, server: 'exim', certificates: chains }))
      const server = parts.use(await startExim({ folder, certificates, lines: feed.lines() }))
      return { feed, port: server.port, serials: { ecdsa: ecdsa.serial, rsa: rsa.serial } }
    },
    { starttls: 'smtp' },
  )
})

describeWith(['openssl', 'curl', 'gnutls-cli', 'dnsdist'], 'dnsdist', () => {
  let dotPort: number

  stapled(
    () => world,
    async (parts) => {
      const folder = await world.folder('dnsdist')
      const ecdsa = await world.issue(folder, 'ecdsa')
      const rsa = await world.issue(folder, 'rsa')
      const certificates = [ecdsa, rsa]
      const feed = parts.use(
        await startFeed({
          ...{ folder, server: 'dnsdist', certificates: certificates.map(({ chain }) => chain) },
          configured: dnsdistCommands(folder),
        }),
      )
      const server = parts.use(
        await startDnsdist(
          { folder, lines: feed.lines(/^(before|once)/) },
          { certificates, lines: feed.lines(/^options of/) },
        ),
      )
      dotPort = server.dotPort
      return { feed, port: server.port, serials: { ecdsa: ecdsa.serial, rsa: rsa.serial } }
    },
  )
  it('staples over DNS over TLS as over HTTPS', async () => {
    expect(await opensslSees(world.at(dotPort))).toMatchObject({ certStatus: 'good' })
  })
})
