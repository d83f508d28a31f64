import { copyFile, rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Everstaple, launchEverstaple } from './_everstaple.ts'
import { type FailingDisk, mountFailingDisk } from './_failing-disk.ts'
import { createFleet, type Fleet } from './_fleet.ts'
import type { OpensslLeaf } from './_openssl-ca.ts'
import { describeWith, peerPath } from './_peer.ts'
import { runProgram } from './_program.ts'

/** A data folder on a disk of its own, and what runs over it. */
interface Sufferer {
  readonly name: string
  readonly disk: FailingDisk
  readonly start: () => Promise<Everstaple>
  /** Of its several lives. */
  running: Everstaple
}

describeWith(['openssl'], 'everstaple agent and everstaple run whose disk fails', () => {
  let fleet: Fleet
  let first: OpensslLeaf
  let second: OpensslLeaf
  const parts = new AsyncDisposableStack()
  const sufferers: Sufferer[] = []
  const issue = (name: string) => fleet.issue(name, ['centre', 'edge', 'alone'])

  beforeAll(async () => {
    fleet = parts.use(await createFleet())
    first = await fleet.issue('first.test', ['centre'])
    const centre = parts.use(await fleet.startCentre())
    await centre.logged('stapleStored')
    await suffer('edge', () => fleet.startEdge('edge'))
    await suffer('alone', startAlone)
  })
  afterAll(() => parts.disposeAsync())

  async function suffer(name: string, start: () => Promise<Everstaple>): Promise<void> {
    await fleet.addEdge(name)
    await copyFile(first.chain, fleet.at(`${name}/certs/first.test.pem`))
    const disk = mountFailingDisk(fleet.at(`${name}/data`))
    if (disk === undefined) return
    parts.use(disk)
    const sufferer = { name, disk, start, running: await start() }
    parts.defer(() => sufferer.running[Symbol.asyncDispose]())
    sufferers.push(sufferer)
  }
  function startAlone(): Promise<Everstaple> {
    const config = {
      ...{ certificates: [fleet.at('alone/certs')], data: fleet.at('alone/data') },
      outputs: [{ file: '{source}.ocsp' }],
      responders: { allowAddresses: ['127.0.0.1'] },
    }
    return launchEverstaple({ folder: fleet.at('alone'), config, command: 'run' })
  }

  /** Both at once, as most of the time they wait; before, what happens to both. */
  const both = (
    title: string,
    before: () => void | Promise<void>,
    test: (sufferer: Sufferer) => Promise<void>,
  ) =>
    it(title, async (context) => {
      if (sufferers.length < 2) context.skip('no file system can be mounted')
      await before()
      await Promise.all(sufferers.map(test))
    })
  const fail = () => {
    for (const { disk } of sufferers) disk.fail()
  }
  const repair = () => {
    for (const { disk } of sufferers) disk.repair()
  }
  const asked = async (of: Everstaple, { certificate }: OpensslLeaf) => {
    const { certificate: issuer } = fleet.ca.issuer
    const { stdout, stderr } = await runProgram(peerPath('openssl'), [
      ...['ocsp', '-issuer', issuer, '-cert', certificate, '-CAfile', fleet.ca.root],
      ...['-url', `${of.url}/ocsp/`],
    ])
    return /: (good|revoked|unknown)|Responder Error: (\w+)/.exec(stdout + stderr)?.[0]
  }

  const written = ({ program }: Everstaple, name: string) =>
    program.wrote(new RegExp(`"event":"fileWritten".*${name}\\.pem\\.ocsp`))

  const failing = async () => {
    for (const { running } of sufferers) await running.logged('fileWritten')
    fail()
    second = await issue('second.test')
  }
  both('staple on, and say what is wrong and what to do', failing, async ({ running }) => {
    await running.program.wrote(/"event":"storeFailed".*everstaple\.db.*not mounted read-only/)
    expect(await asked(running, first)).toBe(': good')
  })

  both('take what is new when it was repaired', repair, async ({ running }) => {
    await running.logged('storeWorks')
    await written(running, 'second.test')
    expect(await asked(running, second)).toBe(': good')
    expectSaidOnce(running)
  })

  both('staple on when they are started then', fail, async (sufferer) => {
    const { name, running, start } = sufferer
    expect(await running.program.stop()).toBe(0)
    await rm(fleet.at(`${name}/certs/first.test.pem.ocsp`))
    sufferer.running = await start()
    const { program } = sufferer.running
    await program.wrote(/"event":"storeFailed".*EROFS.*mount its file system writable/)
    await written(sufferer.running, 'first.test')
    expect(await asked(sufferer.running, second)).toBe(': good')
    const { stdout } = await fleet.run({ at: name }, 'status')
    expect(stdout).toMatch(/^\+ +first\.test +staple for/m)
  })

  const repairedLater = async () => {
    await issue('third.test')
    repair()
  }
  both('take what is new after that, too', repairedLater, async ({ running }) => {
    await running.logged('storeWorks')
    await written(running, 'third.test')
    expectSaidOnce(running)
  })
})

/** Of the store: the same thing is not said over and over. */
function expectSaidOnce({ program }: Everstaple): void {
  const lines = program.output().split('\n')
  const events = lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
  const errors = events.filter(({ event }) => event === 'storeFailed').map(({ error }) => error)
  expect(errors).toEqual([...new Set(errors)])
}
