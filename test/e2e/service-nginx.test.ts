import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { curlJudges, opensslSees, type Server } from './_clients.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { type Nginx, nginxReloadCommand, startNginx } from './_nginx.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith } from './_peer.ts'

describeWith(['openssl', 'curl', 'nginx'], 'everstaple run, for nginx', () => {
  let folder: string
  let ca: OpensslCa
  let responder: OpensslResponder
  let live: string
  let first: OpensslLeaf
  let everstaple: Everstaple
  let nginx: Nginx
  const server = (at: number): Server => ({
    port: nginx.ports[at] ?? 0,
    name: 'www.test',
    root: ca.root,
  })
  /** Puts a certificate where nginx and everstaple both have it from, as certbot does. */
  const install = async (leaf: OpensslLeaf) => {
    await copyFile(leaf.key, join(live, 'www.key'))
    await copyFile(leaf.chain, join(live, 'www.pem'))
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-e2e-'))
    live = join(folder, 'live')
    await mkdir(live)
    ca = await createOpensslCa(folder)
    responder = await startOpensslResponder(ca)
    first = await ca.issue({ name: 'www.test', ocspUrl: responder.url, mustStaple: true })
    await responder.start({ signer: await ca.issueSigner('signer') })
    await install(first)
    everstaple = await startEverstaple(folder, {
      certificates: [live],
      data: 'data',
      responders: { allowAddresses: ['127.0.0.1'] },
      outputs: [
        { file: '{dir}/{name}.ocsp', reload: nginxReloadCommand(folder), debounce: '50ms' },
      ],
    })
    await everstaple.logged('fileWritten')
    await everstaple.logged('reloaded')
    const files = { certificate: join(live, 'www.pem'), key: join(live, 'www.key') }
    const leaf = { ...files, chain: files.certificate, serial: first.serial }
    const staple = `ssl_stapling_file ${join(live, 'www.ocsp')};`
    const url = `ssl_stapling_responder ${everstaple.url}/ocsp/;`
    nginx = await startNginx(folder, [
      { leaf, directives: ['ssl_stapling on;', staple] },
      { leaf, directives: ['ssl_stapling on;', url] },
    ])
  })
  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]()
    await everstaple?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('is ready', async () => {
    expect((await fetch(`${everstaple.url}/readyz`)).status).toBe(200)
  })
  it('writes the file that ssl_stapling_file staples', async () => {
    const { serial } = first
    expect(await opensslSees(server(0))).toMatchObject({ certStatus: 'good', serial })
    expect(await curlJudges(server(0))).toEqual({ kind: 'accepted' })
  })
  it('answers the OCSP requests of ssl_stapling_responder', async () => {
    // nginx asks at the first handshake, which goes without a staple, and staples what it got from the next ones on.
    let saw = await opensslSees(server(1))
    for (let more = 100; saw.kind === 'no-staple' && more > 0; more -= 1) {
      saw = await opensslSees(server(1))
    }
    expect(saw).toMatchObject({ certStatus: 'good', serial: first.serial })
    expect(await curlJudges(server(1))).toEqual({ kind: 'accepted' })
  })
  it('has the staple of a renewed certificate in place, and nginx reloaded, with nobody doing anything', async () => {
    const renewed = await ca.issue({ name: 'www.test', ocspUrl: responder.url, mustStaple: true })
    await responder.start()
    const log = nginx.log()
    await install(renewed)
    await nginx.reloaded(log)
    const { serial } = renewed
    expect(await opensslSees(server(0))).toMatchObject({ certStatus: 'good', serial })
    expect(await curlJudges(server(0))).toEqual({ kind: 'accepted' })
  })
  it('ends cleanly at SIGTERM', async () => {
    expect(await everstaple.program.stop()).toBe(0)
  })
})
