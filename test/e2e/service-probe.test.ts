import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from '../_source-files.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { type Nginx, startNginx } from './_nginx.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith } from './_peer.ts'
import { runProgram } from './_program.ts'

const main = join(root, 'dist/cli/main.js')
const responders = { allowAddresses: ['127.0.0.1'] }

describeWith(['openssl', 'nginx'], 'everstaple run, probing nginx', () => {
  let folder: string
  let ca: OpensslCa
  let responder: OpensslResponder
  let nginx: Nginx
  let everstaple: Everstaple
  const at = (name: string) => join(folder, name)
  const status = async (...args: readonly string[]) =>
    (await runProgram(process.execPath, [main, 'status', ...args, '--data', at('data')])).stdout
  const shown = async (): Promise<readonly Shown[]> => JSON.parse(await status('--json')).servers
  /** `wrong` staples what is about another certificate. */
  const server = (which: 'right' | 'none' | 'wrong') => {
    const [right, none, wrong] = nginx.ports
    if (which === 'wrong') return `127.0.0.1:${wrong}/www.test`
    return `localhost:${which === 'right' ? right : none}`
  }
  const lines = (event: string) =>
    everstaple.program
      .output()
      .split('\n')
      .filter((line) => line.includes(`"event":"${event}"`))

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-e2e-'))
    ca = await createOpensslCa(folder)
    responder = await startOpensslResponder(ca)
    const [leaf, other] = await Promise.all([issue('www.test'), issue('other.test')])
    await responder.start()
    const common = { certificates: [leaf.chain, other.chain], data: 'data', responders }
    await writeStaples(common)
    await copyFile(at('other.test.ocsp'), at('wrong.ocsp'))
    const stapled = (file: string) => ['ssl_stapling on;', `ssl_stapling_file ${at(file)};`]
    nginx = await startNginx(folder, [
      { leaf, directives: stapled('www.test.ocsp') },
      { leaf, directives: [] },
      { leaf, directives: stapled('wrong.ocsp') },
    ])
    everstaple = await startEverstaple(folder, {
      ...common,
      probe: { targets: [server('right'), server('none'), server('wrong')], every: '1s' },
    })
    await everstaple.program.wrote(/("event":"serverTroubled".*\n[\s\S]*){2}/)
  })
  afterAll(async () => {
    await everstaple?.[Symbol.asyncDispose]()
    await nginx?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  function issue(name: string): Promise<OpensslLeaf> {
    return ca.issue({ name, ocspUrl: responder.url, mustStaple: true })
  }

  /** nginx starts only where the files are there. */
  async function writeStaples(common: object): Promise<void> {
    const outputs = [{ file: at('{domain}.ocsp') }]
    await using first = await startEverstaple(folder, { ...common, outputs })
    await first.program.wrote(/("event":"fileWritten"[\s\S]*){2}/)
  }

  it('tells which servers are without a good staple', () => {
    const told = lines('serverTroubled').map((line) => JSON.parse(line))
    expect(told).toHaveLength(2)
    expect(told.find((line) => line.server === server('none'))).toMatchObject({
      level: 'CRITICAL',
      summary: '1 of 1 handshakes without a good staple: none-sent, there is no staple',
    })
    expect(told.find((line) => line.server === server('wrong'))?.summary).toMatch(
      /wrong-certificate/,
    )
  })

  it('has them in its status', async () => {
    await expect.poll(() => status(), POLL).toMatch(/^1 of 3 servers staple as they should$/m)
    const outcomes = (await shown()).map(({ server, certificate, outcome }) => [
      ...[server, certificate?.name, outcome],
    ])
    expect(new Set(outcomes)).toEqual(
      new Set([
        [server('right'), 'www.test', 'stapled'],
        [server('none'), 'www.test', 'none-sent'],
        [server('wrong'), 'www.test', 'wrong-certificate'],
      ]),
    )
    expect(await status('www.test')).toMatch(/^ +server +localhost:\d+ none-sent since /m)
    expect(await status('other.test')).not.toMatch(/^ +server /m)
  })

  it('has them in its metrics, beside what it knows of itself', async () => {
    const response = await fetch(`${everstaple.url}/metrics`)
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    const text = await response.text()
    const handshakes = (which: 'right' | 'none' | 'wrong', outcome: string) =>
      `everstaple_probe_handshakes_total{server="${server(which)}",certificate="www.test",key="rsa",outcome="${outcome}"} `
    expect(text).toContain(handshakes('right', 'stapled'))
    expect(text).toContain(handshakes('none', 'none-sent'))
    expect(text).toContain(handshakes('wrong', 'wrong-certificate'))
    const by = `{responder="${new URL(responder.url).origin}"}`
    expect(text).toContain(`\neverstaple_certificates${by} 2\n`)
    expect(text).toContain(`\neverstaple_certificates_stapled${by} 2\n`)
    expect(text).toContain(`\neverstaple_must_staple_without_staple${by} 0\n`)
  })

  it('tells when a server is well again, and of the others nothing more', async () => {
    await copyFile(at('www.test.ocsp'), at('wrong.ocsp'))
    await nginx.reload()
    await everstaple.logged('serverWell')
    const [well] = lines('serverWell').map((line) => JSON.parse(line))
    expect(well).toMatchObject({ server: server('wrong') })
    expect(lines('serverTroubled')).toHaveLength(2)
    const mended = async () => (await shown()).find((one) => one.server === server('wrong'))
    await expect.poll(mended, POLL).toMatchObject({ outcome: 'stapled', problem: null })
    const { handshakes = 0, stapled = 0 } = (await mended()) ?? {}
    expect(handshakes).toBeGreaterThan(stapled)
  })
})

const POLL = { timeout: 5_000 }

interface Shown {
  readonly server: string
  readonly certificate: { readonly name: string } | null
  readonly outcome: string
  readonly problem: string | null
  readonly handshakes: number
  readonly stapled: number
}
