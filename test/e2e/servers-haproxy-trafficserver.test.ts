import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { startFeed } from './_feed.ts'
import { describeWith } from './_peer.ts'
import { createServerWorld, type ServerWorld } from './_server-world.ts'
import { startHaproxy } from './_servers/haproxy.ts'
import { startTrafficServer, trafficServerReload } from './_servers/trafficserver.ts'
import { stapled } from './_stapled.ts'

let world: ServerWorld
beforeAll(async () => {
  world = await createServerWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())

describeWith(['openssl', 'curl', 'gnutls-cli', 'haproxy'], 'HAProxy', () => {
  stapled(
    () => world,
    async (parts) => {
      const folder = await world.folder('haproxy')
      const { both, serial } = await world.issue(folder, 'ecdsa')
      const feed = parts.use(
        await startFeed({
          ...{ folder, server: 'haproxy', certificates: [both] },
          configured: {
            ...{ file: '{source}.ocsp', socket: join(folder, 'admin.sock') },
            // Only to take a staple back.
            ...{ test: 'true', reload: 'false' },
          },
        }),
      )
      const server = parts.use(
        await startHaproxy({
          ...{ folder, lines: feed.lines(/^global/) },
          bindLine: feed.lines(/^bind/),
        }),
      )
      return { feed, port: server.port, serials: { ecdsa: serial } }
    },
  )
})

describeWith(
  ['openssl', 'curl', 'gnutls-cli', 'traffic_manager', 'traffic_ctl'],
  'Apache Traffic Server',
  () => {
    stapled(
      () => world,
      async (parts) => {
        const folder = await world.folder('trafficserver')
        const certificate = await world.issue(folder, 'rsa')
        const feed = parts.use(
          await startFeed({
            ...{ folder, server: 'trafficserver', certificates: [certificate.chain] },
            configured: { reload: trafficServerReload(folder) },
          }),
        )
        const server = parts.use(
          await startTrafficServer({
            ...{ folder, certificate, lines: feed.lines(/^records/) },
            certificateLine: feed.lines(/^ssl_multicert/),
          }),
        )
        return { feed, port: server.port, serials: { rsa: certificate.serial } }
      },
    )
  },
)
