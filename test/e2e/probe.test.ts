import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DAY_MS, HOUR_MS, plus } from '../../src/der/time.ts'
import { makeHierarchy } from '../../src/lab/hierarchy.ts'
import { buildResponse } from '../../src/lab/response-builder.ts'
import { systemClock } from '../../src/time/clock.ts'
import { root } from '../_source-files.ts'
import { type ProgramResult, runProgram, startProgram } from './_program.ts'
import { type StapleServer, startStapleServer } from './_staple-server.ts'

const now = systemClock.now()
const { leaf, issuer } = makeHierarchy({ now, caKey: 'prime256v1' })
const certID = { certificate: leaf.certificate, issuer: issuer.certificate }
const good = responseFrom(-HOUR_MS)
const expired = responseFrom(-5 * DAY_MS)

function responseFrom(since: number): Uint8Array {
  const [thisUpdate, nextUpdate] = [plus(now, since), plus(now, since + DAY_MS)]
  return buildResponse({ signer: issuer, responses: [{ certID, thisUpdate, nextUpdate }] })
}

const command = [join(root, 'dist/cli/main.js'), 'probe']

function probe(...args: readonly string[]): Promise<ProgramResult> {
  return runProgram(process.execPath, [...command, ...args])
}

describe('everstaple probe', () => {
  let server: StapleServer
  let name: string
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-e2e-'))
    server = await startStapleServer(leaf, issuer)
    name = `localhost:${server.port}`
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('counts staples for Prometheus, and those that are missing by reason', async () => {
    server.staple(good)
    await using program = await startProgram({
      path: process.execPath,
      args: [...command, name, '--every', '1s', '--listen', '127.0.0.1:0'],
      ready: /metrics at (\S+)\n/,
    })
    const url = program.ready[1] ?? ''
    const counted = async (outcome: string) => {
      const key = `server="${name}",certificate="localhost",key="ecdsa",outcome="${outcome}"`
      const line = `everstaple_probe_handshakes_total{${key}} `
      while (true) {
        const text = await (await fetch(url)).text()
        const value = Number(text.split(line)[1]?.split('\n')[0] ?? 0)
        // TLS 1.2 and 1.3 in each round.
        if (value >= 2) return text
        await new Promise((later) => setTimeout(later, 20))
      }
    }
    expect(await counted('stapled')).toMatch(/usable_until_timestamp_seconds\{.*\} \d{10}\n/)
    server.staple(expired)
    expect(await counted('expired')).not.toMatch(/usable_until_timestamp_seconds\{/)
    server.staple(Uint8Array.of())
    await counted('none-sent')
    expect((await fetch(new URL('/', url))).status).toBe(404)
    expect(await program.stop('SIGINT')).toBe(1)
    const output = program.output()
    expect(output).toMatch(/Z {2}OK - localhost:\d+: 2 of 2 handshakes stapled/)
    expect(output).toMatch(/Z {2}CRITICAL - localhost:\d+: .*: expired, /)
    expect(output).toMatch(
      /\nCRITICAL +localhost:\d+ +localhost +ECDSA +\d+\/\d+ +expired \d+, none/,
    )
  })

  it('takes its servers from the configuration, and ends by itself', async () => {
    server.staple(good)
    const config = join(folder, 'everstaple.yaml')
    // JSON is YAML.
    await writeFile(config, JSON.stringify({ probe: { targets: [name], every: '1s' } }))
    const { status, stdout } = await probe('--config', config, '--for', '1500ms', '--json')
    const lines = stdout.trimEnd().split('\n')
    const checks = lines.map((line) => JSON.parse(line))
    expect(checks).toMatchObject([
      { ok: true, level: 'OK', target: name },
      { ok: true, level: 'OK', target: name },
    ])
    expect(status).toBe(0)
  })

  it.each([
    ['trusted', issuer, 0, /^OK +localhost:/m],
    [
      'not trusted',
      makeHierarchy({ now, caKey: 'prime256v1' }).issuer,
      1,
      /^CRITICAL +localhost:/m,
    ],
  ])('takes the roots of clients: %s', async (_, { pem }, expected, line) => {
    server.staple(good)
    await writeFile(join(folder, 'ca.pem'), pem)
    const { status, stdout } = await probe(name, '--ca', join(folder, 'ca.pem'), '--for', '1s')
    expect([status, stdout]).toEqual([expected, expect.stringMatching(line)])
  })

  it.each([
    [[], /^everstaple: error: no servers are given\n/],
    [['a.test', '--every', '1ms'], /^everstaple: error: --every is '1ms', not /],
    [['a.test', '--listen', 'x'], /^everstaple: error: .*listen/],
    [['a.test', '--listen', '192.0.2.1:1'], /^everstaple: error: cannot serve metrics: /],
  ])('%j', async (args, message) => {
    const { status, stderr } = await probe(...args)
    expect(stderr).toMatch(message)
    expect(status).toBe(2)
  })
})
