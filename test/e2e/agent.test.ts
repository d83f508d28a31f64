import { X509Certificate } from 'node:crypto'
import { copyFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from '../_source-files.ts'
import type { Everstaple } from './_everstaple.ts'
import { createFleet, type Fleet } from './_fleet.ts'
import type { OpensslLeaf } from './_openssl-ca.ts'
import { describeWith, peerPath } from './_peer.ts'
import { runOk, runProgram } from './_program.ts'

describeWith(['openssl'], 'a centre and its edge', () => {
  let fleet: Fleet
  let centre: Everstaple
  let edge: Everstaple
  let first: OpensslLeaf
  const written = (name: string) => readFile(fleet.at(`web1/certs/${name}.pem.ocsp`))
  /** What `openssl ocsp` makes of the agent's own endpoint. */
  const asked = async ({ certificate }: OpensslLeaf) => {
    const { certificate: issuer } = fleet.ca.issuer
    const { stdout, stderr } = await runProgram(peerPath('openssl'), [
      ...['ocsp', '-issuer', issuer, '-cert', certificate, '-CAfile', fleet.ca.root],
      ...['-url', `${edge.url}/ocsp/`],
    ])
    return /: (good|revoked|unknown)/.exec(stdout)?.[1] ?? stderr + stdout
  }
  /** What the centre knows of the edge. */
  const standing = async () => {
    const { stdout } = await fleet.run({ at: 'centre' }, 'status', '--edges', '--json')
    const report = JSON.parse(stdout) as { readonly edges: readonly EdgeReport[] }
    return report.edges.map(({ edge: name, live, behind }) => ({ name, live, behind }))
  }
  const live = (count: number) => [{ name: 'web1', live: count, behind: [] }]
  const token = async (...args: readonly string[]) =>
    runOk(process.execPath, [...[main, 'token', ...args], ...['--data', fleet.at('centre/data')]])

  beforeAll(async () => {
    fleet = await createFleet()
    await fleet.addEdge('web1')
    first = await fleet.issue('first.test', ['centre', 'web1'])
    centre = await fleet.startCentre()
    edge = await fleet.startEdge('web1')
  })
  afterAll(async () => {
    await edge?.[Symbol.asyncDispose]()
    await centre?.[Symbol.asyncDispose]()
    await fleet?.[Symbol.asyncDispose]()
  })

  it('has the staple in its output, and answers OCSP with it', async () => {
    await edge.logged('fileWritten')
    expect((await written('first.test')).length).toBeGreaterThan(100)
    expect(await asked(first)).toBe('good')
  })

  it('tells the centre that it is live', async () => {
    await expect.poll(standing, PATIENTLY).toEqual(live(1))
    const response = await fetch(`${fleet.url}/v1/edges`)
    expect(await response.json()).toMatchObject({ edges: [{ name: 'web1' }] })
    const of = (name: string) => fleet.run({ at: 'centre' }, 'status', name, '--edges')
    const { status, stdout } = await of('first.test')
    expect(stdout).toMatch(/^\+ {2}web1 {2}1 of 1 live {2}heard of \S+ ago {2}agent /)
    expect(stdout).toMatch(/^ {4}web1: first\.test has staple [\da-f]{16} since 20\S+Z$/m)
    expect(stdout).toMatch(/^ {4}web1: first\.test \/.*first\.test\.pem\.ocsp live since 20\S+Z$/m)
    const other = await of('other.test')
    expect([status, other.status]).toEqual([0, 1])
    expect(other.stdout).toBe('no edge has reported that it serves other.test\n')
  })

  it('is waited for by `everstaple ensure --on-edges`', async () => {
    const ensure = async (file: string) => {
      const args = ['--on-edges', '--wait', '3s', '--server', fleet.url]
      const { status, stdout } = await runProgram(process.execPath, [main, 'ensure', file, ...args])
      return [status, stdout]
    }
    expect(await ensure(first.chain)).toEqual([
      0,
      expect.stringMatching(/^\+ first\.test: stapled/),
    ])
    const alone = await fleet.issue('alone.test', ['centre'])
    const nobody = /^- alone\.test: not ready within 3s: no edge has reported that it serves/
    expect(await ensure(alone.chain)).toEqual([1, expect.stringMatching(nobody)])
    // One edge that has it, and another one that has lost it.
    const headers = { 'content-type': 'application/json' }
    const fingerprint = fingerprintOf(await readFile(first.certificate, 'utf8'))
    const state = { fingerprint, stapleSha256: null, since: '2026-01-01T00:00:00Z' }
    const states = [{ ...state, outputs: [], probe: null }]
    const body = JSON.stringify({ version: '1', extent: 'all', states })
    const [path, method] = [`${fleet.url}/v1/edges/web2`, 'POST']
    expect((await fetch(path, { method, headers, body })).status).toBe(204)
    const behind = /^- first\.test: not ready within 3s: web2 has no staple$/m
    expect(await ensure(first.chain)).toEqual([1, expect.stringMatching(behind)])
    expect((await fetch(path, { method: 'DELETE' })).status).toBe(204)
    expect((await ensure(first.chain))[0]).toBe(0)
  })

  it('gets the staple of a renewed certificate', async () => {
    const before = edge.program.output().length
    const old = await written('first.test')
    first = await fleet.issue('first.test', ['centre', 'web1'])
    await edge.logged('fileWritten', before)
    expect(await written('first.test')).not.toEqual(old)
    expect(await asked(first)).toBe('good')
  })

  it('is told of a certificate that only the edge has, and has it managed where that is wanted', async () => {
    const second = await fleet.issue('second.test', ['web1'])
    await edge.program.wrote(/does not manage second\.test; have it manage them.*\n/)
    await edge[Symbol.asyncDispose]()
    edge = await fleet.startEdge('web1', { agent: { register: true } })
    await edge.program.wrote(/"event":"stapleReceived","certificate":"second\.test".*\n/)
    expect(await asked(second)).toBe('good')
    await expect.poll(standing, PATIENTLY).toEqual(live(2))
  })

  it('staples from its disk while the centre is away, also after a restart', async () => {
    const before = edge.program.output().length
    await centre.program.stop('SIGKILL')
    await edge.logged('centreAway', before)
    await edge.program.stop('SIGKILL')
    await rm(fleet.at('web1/certs/first.test.pem.ocsp'))
    edge = await fleet.startEdge('web1')
    await edge.logged('fileWritten')
    expect((await written('first.test')).length).toBeGreaterThan(100)
    expect(await asked(first)).toBe('good')
  })

  it('tells the centre at once when that is back', async () => {
    const before = edge.program.output().length
    await rm(fleet.at('centre/data/everstaple.db'))
    await copyFile(first.chain, fleet.at('centre/certs/second.test.pem'))
    centre = await fleet.startCentre()
    await edge.logged('centreReached', before)
    await expect.poll(async () => (await standing())[0]?.name, PATIENTLY).toBe('web1')
  })

  it('staples on when its token is revoked, and says so', async () => {
    const before = edge.program.output().length
    await token('revoke', 'web1')
    await fleet.issue('third.test', ['centre', 'web1'])
    await edge.program.wrote(/"event":"centreAway".*status 401.*\n/, before)
    expect(edge.program.output()).toMatch(/everstaple token create/)
    expect(await asked(first)).toBe('good')
    expect((await written('first.test')).length).toBeGreaterThan(100)
  })

  it('goes on with the token that is put in its place, without a restart', async () => {
    const before = edge.program.output().length
    await fleet.addEdge('web1')
    await edge.logged('stapleReceived', before)
  })
})

function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
}

const main = join(root, 'dist/cli/main.js')

/** Of what `everstaple status --edges --json` prints. */
interface EdgeReport {
  readonly edge: string
  readonly live: number
  readonly behind: readonly object[]
}

const PATIENTLY = { timeout: 5_000 }
