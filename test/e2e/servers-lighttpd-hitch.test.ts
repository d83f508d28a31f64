import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { startFeed } from './_feed.ts'
import { describeWith } from './_peer.ts'
import { createServerWorld, type ServerWorld } from './_server-world.ts'
import { startHitch } from './_servers/hitch.ts'
import { lighttpdCommands, startLighttpd } from './_servers/lighttpd.ts'
import { stapled } from './_stapled.ts'

let world: ServerWorld
beforeAll(async () => {
  world = await createServerWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())

describeWith(['openssl', 'curl', 'gnutls-cli', 'lighttpd'], 'lighttpd', () => {
  stapled(
    () => world,
    async (parts) => {
      const folder = await world.folder('lighttpd')
      const certificate = await world.issue(folder, 'rsa')
      const feed = parts.use(
        await startFeed({
          ...{ folder, server: 'lighttpd', certificates: [certificate.chain] },
          configured: lighttpdCommands(folder),
        }),
      )
      const server = parts.use(await startLighttpd({ folder, certificate, lines: feed.lines() }))
      return { feed, port: server.port, serials: { rsa: certificate.serial } }
    },
  )
})

describeWith(['openssl', 'curl', 'gnutls-cli', 'hitch'], 'Hitch', () => {
  stapled(
    () => world,
    async (parts) => {
      const folder = await world.folder('hitch')
      const certificate = await world.issue(folder, 'ecdsa')
      await mkdir(join(folder, 'staples'))
      const feed = parts.use(
        await startFeed({
          ...{ folder, server: 'hitch', certificates: [certificate.both] },
          configured: { file: join(folder, 'staples/{source-md5}') },
        }),
      )
      const server = parts.use(await startHitch({ folder, lines: feed.lines() }))
      return { feed, port: server.port, serials: { ecdsa: certificate.serial } }
    },
  )
})
