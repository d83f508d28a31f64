import { copyFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Everstaple } from './_everstaple.ts'
import { fakeTime } from './_fake-time.ts'
import { createFleet, type Fleet } from './_fleet.ts'
import type { OpensslLeaf } from './_openssl-ca.ts'
import { describeWith, peerPath } from './_peer.ts'
import { runProgram } from './_program.ts'
import { mountSmallDisk } from './_small-disk.ts'

describeWith(['openssl', 'faketime'], 'an edge in trouble of its own', () => {
  let fleet: Fleet
  let centre: Everstaple
  let first: OpensslLeaf
  const parts = new AsyncDisposableStack()
  const asked = async (edge: Everstaple, { certificate }: OpensslLeaf) => {
    const { certificate: issuer } = fleet.ca.issuer
    const { stdout, stderr } = await runProgram(peerPath('openssl'), [
      ...['ocsp', '-issuer', issuer, '-cert', certificate, '-CAfile', fleet.ca.root],
      ...['-url', `${edge.url}/ocsp/`],
    ])
    return /: (good|revoked|unknown)|Responder Error: (\w+)/.exec(stdout + stderr)?.[0]
  }

  beforeAll(async () => {
    fleet = parts.use(await createFleet())
    first = await fleet.issue('first.test', ['centre'])
    centre = parts.use(await fleet.startCentre())
    await centre.logged('stapleStored')
  })
  afterAll(() => parts.disposeAsync())
  const addEdge = async (name: string) => {
    await fleet.addEdge(name)
    await copyFile(first.chain, fleet.at(`${name}/certs/first.test.pem`))
  }

  it('says that its clock is two hours ahead, and staples what is good by either clock', async () => {
    await addEdge('ahead')
    const { env } = await fakeTime(fleet.at('ahead/time'), '+2h')
    await using edge = await fleet.startEdge('ahead', { env })
    await edge.logged('centreClockDiffers')
    expect(edge.program.output()).toMatch(/THE CLOCK OF THIS MACHINE is 2h ahead/)
    await edge.logged('fileWritten')
    expect(await asked(edge, first)).toBe(': good')
  })

  it('says that its clock is two hours behind, and staples nothing that is from the future for it', async () => {
    await addEdge('behind')
    const time = await fakeTime(fleet.at('behind/time'), '-2h')
    await using edge = await fleet.startEdge('behind', { env: time.env })
    await edge.logged('centreClockDiffers')
    await edge.logged('stapleNotTaken')
    expect(edge.program.output()).toMatch(/"problem":"this-update-in-future/)
    expect(await asked(edge, first)).not.toBe(': good')
    await time.set('+0')
    await edge.logged('stapleReceived')
    expect(await asked(edge, first)).toBe(': good')
  })

  describe.skipIf(process.getuid?.() !== 0)('with a small disk', () => {
    it('staples on while its disk is full, says so, and takes what is new when there is room', async () => {
      await addEdge('full')
      using disk = mountSmallDisk(fleet.at('full/data'))
      if (disk === undefined) return skipped()
      await using edge = await fleet.startEdge('full')
      await edge.logged('fileWritten')
      disk.fill()
      const before = edge.program.output().length
      const second = await fleet.issue('second.test', ['centre', 'full'])
      await edge.logged('storeFailed', before)
      expect(edge.program.output().slice(before)).toMatch(/full/i)
      expect(await asked(edge, first)).toBe(': good')
      disk.free()
      await edge.logged('fileWritten', before)
      expect(await asked(edge, second)).toBe(': good')
    })

    it('says here and at the centre that its output is read-only, and gets over it', async () => {
      await addEdge('web')
      using disk = mountSmallDisk(fleet.at('web/staples'))
      if (disk === undefined) return skipped()
      disk.makeReadOnly()
      // Outputs are swept every minute.
      const { env } = await fakeTime(fleet.at('web/time'), '+0 x60')
      const outputs = [{ file: fleet.at('web/staples/{name}.ocsp') }]
      await using edge = await fleet.startEdge('web', { env, config: { outputs } })
      await edge.logged('fileFailed')
      expect(await asked(edge, first)).toBe(': good')
      const status = async (at: string, ...args: string[]) =>
        (await fleet.run({ at }, 'status', ...args)).stdout
      const here = expect.poll(() => status('web', 'first.test'), SLOWLY)
      const atCentre = expect.poll(() => status('centre', '--edges'), SLOWLY)
      await here.toMatch(READ_ONLY)
      await atCentre.toMatch(READ_ONLY)
      disk.makeWritable()
      await edge.logged('fileWritten')
      await here.not.toMatch(READ_ONLY)
      await atCentre.not.toMatch(READ_ONLY)
    })

    it('does not start with a read-only data folder in which there is nothing', async () => {
      await addEdge('empty')
      using disk = mountSmallDisk(fleet.at('empty/data'))
      if (disk === undefined) return skipped()
      disk.makeReadOnly()
      const settings = ['--certificates', fleet.at('empty/certs'), '--server', fleet.url]
      const { status, stderr } = await fleet.run({ at: 'empty' }, 'agent', ...settings)
      expect(stderr).toMatch(/error: .*everstaple\.db cannot be written \(EROFS.*\n.*hint: mount/)
      expect(status).toBe(2)
    })
  })
})

function skipped(): void {
  process.stderr.write('skipped: no tmpfs can be mounted\n')
}

const READ_ONLY = /staples is on a read-only file system; mount it writable/
const SLOWLY = { timeout: 10_000, interval: 200 }
