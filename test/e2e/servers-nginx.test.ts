import { afterAll, beforeAll, expect, it } from 'vitest'
import { type OpensslSaw, opensslSees } from './_clients.ts'
import { type Feed, startFeed } from './_feed.ts'
import { type Nginx, nginxReloadCommand, startNginx } from './_nginx.ts'
import { describeWith } from './_peer.ts'
import { createServerWorld, type ServerWorld, type WorldCertificate } from './_server-world.ts'
import { stapled } from './_stapled.ts'

let world: ServerWorld
beforeAll(async () => {
  world = await createServerWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())

describeWith(['openssl', 'curl', 'gnutls-cli', 'nginx'], 'nginx, by files', () => {
  stapled(
    () => world,
    async (parts) => {
      const folder = await world.folder('by-files')
      const certificate = await world.issue(folder, 'rsa')
      const feed = parts.use(
        await startFeed({
          ...{ folder, server: 'nginx', certificates: [certificate.chain] },
          configured: { test: 'true', reload: nginxReloadCommand(folder) },
        }),
      )
      const directives = [feed.lines()]
      const nginx = parts.use(await startNginx(folder, [{ leaf: certificate, directives }]))
      return { feed, port: nginx.ports[0] ?? 0, serials: { rsa: certificate.serial } }
    },
  )
})

describeWith(['openssl', 'nginx'], 'nginx with an RSA and an ECDSA certificate', () => {
  let rsa: WorldCertificate
  let ecdsa: WorldCertificate
  let feed: Feed
  let nginx: Nginx

  beforeAll(async () => {
    const folder = await world.folder('by-endpoint')
    rsa = await world.issue(folder, 'rsa')
    ecdsa = await world.issue(folder, 'ecdsa')
    const certificates = [rsa.chain, ecdsa.chain]
    feed = await startFeed({ folder, server: 'nginx', certificates })
    const other = [`ssl_certificate ${ecdsa.chain};`, `ssl_certificate_key ${ecdsa.key};`]
    nginx = await startNginx(folder, [{ leaf: rsa, directives: [...other, feed.lines()] }])
  })
  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]()
    await feed?.[Symbol.asyncDispose]()
  })

  it.each([
    ['RSA', 'rsa', () => rsa],
    ['ECDSA', 'ecdsa', () => ecdsa],
  ] as const)(
    'asks for the staple of the %s one at its first handshake',
    async (_k, signatures, certificate) => {
      const look = () => opensslSees(world.at(nginx.ports[0] ?? 0), { signatures })
      const first = await look()
      expect(first).toEqual({ kind: 'no-staple' })
      let saw: OpensslSaw = first
      for (let more = 100; saw.kind === 'no-staple' && more > 0; more -= 1) saw = await look()
      expect(saw).toMatchObject({ certStatus: 'good', serial: certificate().serial })
    },
  )
})
