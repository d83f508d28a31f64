import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpensslSaw, opensslSees } from './_clients.ts'
import type { Everstaple } from './_everstaple.ts'
import { type FakeTime, fakeTime } from './_fake-time.ts'
import { createFleet, type Fleet } from './_fleet.ts'
import { type Nginx, nginxReloadCommand, startNginx } from './_nginx.ts'
import type { OpensslLeaf } from './_openssl-ca.ts'
import { describeWith } from './_peer.ts'

// The CA's responses last for four days, so that nothing is handed out from five minutes before that.
describeWith(['openssl', 'nginx', 'faketime'], 'a centre that is killed and stays away', () => {
  const parts = new AsyncDisposableStack()
  let fleet: Fleet
  let leaf: OpensslLeaf
  let plain: Edge
  let direct: Edge
  let nginx: Nginx

  beforeAll(async () => {
    fleet = parts.use(await createFleet())
    leaf = await fleet.issue('www.test', ['centre'])
    const centre = await fleet.startCentre()
    await centre.logged('stapleStored')
    plain = await startEdge('plain', {})
    direct = await startEdge('direct', { fallback: 'direct' })
    const directives = ['ssl_stapling on;', `ssl_stapling_file ${plain.staple};`]
    nginx = parts.use(await startNginx(fleet.at('plain'), [{ leaf, directives }]))
    await centre.program.stop('SIGKILL')
    for (const edge of [plain, direct]) await edge.program().logged('centreAway')
  })
  afterAll(async () => {
    await plain?.program()[Symbol.asyncDispose]()
    await direct?.program()[Symbol.asyncDispose]()
    await parts.disposeAsync()
  })

  interface Edge {
    readonly staple: string
    program(): Everstaple
    /** Kills it and starts it again. */
    restart(): Promise<void>
    /** Lets time go on to so much after the start. */
    pass(time: string): Promise<void>
    status(): Promise<{ readonly status: number; readonly stdout: string }>
  }

  async function startEdge(name: string, agent: object): Promise<Edge> {
    await fleet.addEdge(name)
    const time: FakeTime = await fakeTime(fleet.at(`${name}/time`))
    const staple = fleet.at(`${name}/www.ocsp`)
    const reload = nginxReloadCommand(fleet.at(name))
    const outputs = [{ server: 'nginx', file: staple, reload, debounce: '50ms' }]
    const config = { outputs, certificates: [leaf.chain] }
    const start = () => fleet.startEdge(name, { agent, config, env: time.env })
    let program = await start()
    await program.logged('fileWritten')
    return {
      staple,
      program: () => program,
      async restart() {
        await program.program.stop('SIGKILL')
        program = await start()
      },
      async pass(to) {
        await time.set(to)
        // A process that sleeps does not see that it is late, until something wakes it. A connection that was kept has then been idle for days.
        for (let look = 0; look < 15; look++) {
          await fetch(`${program.url}/healthz`).catch(() => {})
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
      },
      status: () => fleet.run({ at: name, env: time.env }, 'status'),
    }
  }

  const seen = (): Promise<OpensslSaw> =>
    opensslSees({ port: nginx.ports[0] ?? 0, name: 'www.test', root: fleet.ca.root })

  describe('an edge without fallback', () => {
    it('staples on for days, restarted meanwhile', async () => {
      await plain.pass('+71h')
      expect(await seen()).toMatchObject({ certStatus: 'good' })
      await plain.restart()
      expect(await seen()).toMatchObject({ certStatus: 'good' })
      expect((await plain.status()).status).toBe(0)
    })

    it('staples until ten minutes before nextUpdate, and no longer past its usableUntil', async () => {
      await plain.pass('+5750m')
      expect(await seen()).toMatchObject({ certStatus: 'good' })
      const before = plain.program().program.output().length
      await plain.pass('+5758m')
      await plain.program().logged('fileRemoved', before)
      await plain.program().logged('reloaded', before)
      await expect.poll(seen).toMatchObject({ responseStatus: 'trylater' })
    })

    it('says so in its log, in its status and in its readiness', async () => {
      await plain.program().program.wrote(/"event":"summary".*0 of 1 certificates have a staple/)
      const { status, stdout } = await plain.status()
      expect([status, stdout]).toEqual([1, expect.stringContaining('its staple has ended')])
      expect((await fetch(`${plain.program().url}/readyz`)).status).toBe(503)
    })
  })

  it('is not stood in for while more than a quarter of the life is left', async () => {
    await direct.pass('+70h')
    expect(direct.program().program.output()).not.toContain('"event":"stapleStored"')
  })

  it('is stood in for by the edge itself after that, where this is wanted', async () => {
    await direct.pass('+73h')
    await direct.program().logged('stapleStored')
  })
})
