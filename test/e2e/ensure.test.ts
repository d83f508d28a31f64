import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, test } from 'vitest'
import { root } from '../_source-files.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith } from './_peer.ts'
import { runProgram } from './_program.ts'

describeWith(['openssl'], 'everstaple ensure', () => {
  let folder: string
  let live: string
  let ca: OpensslCa
  let responder: OpensslResponder
  let everstaple: Everstaple
  let first: OpensslLeaf
  let staged: OpensslLeaf
  const issued: OpensslLeaf[] = []
  const at = (path: string) => join(folder, path)
  const main = join(root, 'dist/cli/main.js')
  const ensure = (...args: string[]) =>
    runProgram(process.execPath, [main, 'ensure', '--server', everstaple.url, ...args])
  const issue = async (name: string, ocspUrl: string | undefined = responder.url) => {
    const leaf = await ca.issue({ name, ...(ocspUrl === '' ? {} : { ocspUrl }) })
    await responder.start()
    issued.push(leaf)
    return leaf
  }
  /** Where nginx would have it from: the key first, as renewal tools do. */
  const install = async (leaf: OpensslLeaf) => {
    await copyFile(leaf.key, join(live, 'www.key'))
    await copyFile(leaf.chain, join(live, 'www.pem'))
  }
  const start = () =>
    startEverstaple(folder, {
      certificates: [live],
      data: 'data',
      responders: { allowAddresses: ['127.0.0.1'] },
      outputs: [
        { file: '{source}.ocsp', reload: `echo reloaded >> ${at('reloads')}`, debounce: '50ms' },
        { file: at('staples/{domain}.der') },
      ],
    })
  const reloads = async () => (await readFile(at('reloads'), 'utf8')).split('\n').length - 1
  const speaksOf = async (path: string) => {
    const bytes = await readFile(path)
    const has = ({ serial }: OpensslLeaf) => bytes.includes(Buffer.from(serial, 'hex'))
    return issued.filter(has).map(({ serial }) => serial)
  }
  const api = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${everstaple.url}/v1/certificates${path}`, init)
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  const idOf = async (path: string) => {
    const { body } = await api('', { method: 'PUT', body: await readFile(path) })
    return String(body.certificate.id)
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-e2e-'))
    live = at('live')
    await mkdir(live)
    await mkdir(at('staples'))
    ca = await createOpensslCa(folder)
    responder = await startOpensslResponder(ca)
    first = await issue('www.test')
    everstaple = await start()
  })
  afterAll(async () => {
    await everstaple?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('waits for a new file in a watched folder until its outputs have it and the server was told', async () => {
    await install(first)
    const { status, stdout } = await ensure(join(live, 'www.pem'), '--wait', '10s')
    expect([status, stdout]).toEqual([0, expect.stringMatching(/www\.test: stapled until 20/)])
    expect(await speaksOf(join(live, 'www.pem.ocsp'))).toEqual([first.serial])
    expect(await speaksOf(at('staples/www.test.der'))).toEqual([first.serial])
    expect(await reloads()).toBeGreaterThan(0)
  })

  it('stages a renewed certificate: its staple is there, and the files of the old one stay', async () => {
    staged = await issue('www.test')
    const { status, stdout } = await ensure(staged.chain, '--wait', '10s')
    expect([status, stdout]).toEqual([0, expect.stringMatching(/served by the OCSP endpoint/)])
    expect(await speaksOf(at('staples/www.test.der'))).toEqual([first.serial])
    expect(await speaksOf(join(live, 'www.pem.ocsp'))).toEqual([first.serial])
  })

  it('keeps what was staged over a restart', async () => {
    await everstaple[Symbol.asyncDispose]()
    everstaple = await start()
    await everstaple.logged('summary')
    const id = await idOf(staged.chain)
    const { body } = await api(`/${id}`)
    expect(body).toMatchObject({ name: 'www.test', usable: true, sources: ['api'] })
    expect(await speaksOf(at('staples/www.test.der'))).toEqual([first.serial])
  })

  it('has its staple in the outputs as soon as it is deployed, though the CA is away', async () => {
    await responder.stop()
    const before = await reloads()
    await install(staged)
    const { status, stdout } = await ensure(join(live, 'www.pem'), '--wait', '10s', '--json')
    const { outcome, certificate } = JSON.parse(stdout)
    expect([status, outcome, certificate.sources]).toEqual([0, 'ready', [join(live, 'www.pem')]])
    expect(await speaksOf(at('staples/www.test.der'))).toEqual([staged.serial])
    expect(await speaksOf(join(live, 'www.pem.ocsp'))).toEqual([staged.serial])
    expect(await reloads()).toBeGreaterThan(before)
    await responder.start()
  })

  it('ends with 1 when the time is over, and says why and when it goes on', async () => {
    const other = await issue('other.test')
    await responder.stop()
    const { status, stdout } = await ensure(other.chain, '--wait', '700ms')
    expect(status).toBe(1)
    expect(stdout).toMatch(
      /^- other\.test: not ready within 700ms: no staple yet: .*; next attempt 20.*\n$/,
    )
  })

  it('ends with 0 for a certificate that needs no staple', async () => {
    const { chain } = await issue('quiet.test', '')
    const { status, stdout } = await ensure(chain)
    expect([status, stdout]).toEqual([0, expect.stringMatching(/quiet\.test: names no OCSP resp/)])
  })

  it('sends certificates only, whatever else is in the file', async () => {
    const { chain, key, certificate } = await issue('combined.test')
    const combined = Buffer.concat([await readFile(key), await readFile(chain)])
    await writeFile(at('combined.pem'), combined)
    expect((await ensure(at('combined.pem'))).status).toBe(0)
    expect((await ensure(certificate, '--issuer', ca.issuer.certificate)).status).toBe(0)
    expect(await api('', { method: 'PUT', body: combined })).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining('private key') },
    })
    expect(everstaple.program.output()).not.toContain('PRIVATE KEY')
  })

  it('is undone by DELETE, unless a file holds the certificate', async () => {
    const given = await idOf((await issue('gone.test')).chain)
    expect(await api(`/${given}`, { method: 'DELETE' })).toMatchObject({ status: 204 })
    expect(await api(`/${given}`)).toMatchObject({ status: 404 })
    const inFile = await idOf(staged.chain)
    expect(await api(`/${inFile}`, { method: 'DELETE' })).toMatchObject({ status: 409 })
  })

  test.each([
    [['--server', 'http://127.0.0.1:9'], /no service listens there\n.*hint: start it/],
    [['--server', 'ftp://127.0.0.1'], /is not a URL with http: or https:/],
    [['--wait', '30'], /is not a length of time/],
  ])('ends with 2 for %j', async (args, message) => {
    const { status, stdout, stderr } = await ensure(first.chain, ...args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
  })
})
