import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from '../_source-files.ts'
import { curlJudges, opensslSees, type Server } from './_clients.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { type Nginx, nginxReloadCommand, startNginx } from './_nginx.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith } from './_peer.ts'
import { runProgram } from './_program.ts'

describeWith(['openssl', 'curl', 'nginx'], 'everstaple run, with the care for nginx', () => {
  let folder: string
  let ca: OpensslCa
  let leaf: OpensslLeaf
  let responder: OpensslResponder
  let everstaple: Everstaple
  let nginx: Nginx
  let server: Server
  let start: (data: string) => Promise<Everstaple>
  const at = (name: string) => join(folder, name)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-nginx-'))
    await mkdir(at('live'))
    ca = await createOpensslCa(folder)
    responder = await startOpensslResponder(ca)
    leaf = await ca.issue({ name: 'www.test', ocspUrl: responder.url })
    await responder.start()
    // Its issuer is missing: there can be no staple yet.
    await writeFile(at('live/www.pem'), await readFile(leaf.certificate))
    const reload = nginxReloadCommand(folder)
    const care = { server: 'nginx', test: `test -e ${at('fine')}`, reload, debounce: '50ms' }
    const outputs = [{ file: '{dir}/{name}.ocsp', ...care }]
    const responders = { allowAddresses: ['127.0.0.1'] }
    start = (data) => startEverstaple(folder, { certificates: ['live'], data, responders, outputs })
    everstaple = await start('data')
    await everstaple.logged('filePrepared')
    const directives = ['ssl_stapling on;', `ssl_stapling_file ${at('live/www.ocsp')};`]
    nginx = await startNginx(folder, [{ leaf, directives }])
    server = { port: nginx.ports[0] ?? 0, name: 'www.test', root: ca.root }
  })
  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]()
    await everstaple?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const status = async () => {
    const args = [join(root, 'dist/cli/main.js'), 'status', 'www.test', '--data', at('data')]
    const { stdout } = await runProgram(process.execPath, args)
    return /^ +output +(.*)$/m.exec(stdout)?.[1]?.replaceAll(folder, '')
  }

  it('has a file for nginx to start with, before there is a staple', async () => {
    expect(await opensslSees(server)).toMatchObject({ responseStatus: 'trylater' })
    // A client that requires a staple takes it for none.
    expect(await curlJudges(server)).toMatchObject({ kind: 'refused', status: 91 })
    expect(await status()).toMatch(/^\/live\/www\.ocsp withdrawn since .*: there is no usable/)
  })

  it('does not reload while the test fails, and says so', async () => {
    await writeFile(at('live/www.pem'), await readFile(leaf.chain))
    await everstaple.logged('reloadFailed')
    expect(await opensslSees(server)).toMatchObject({ responseStatus: 'trylater' })
    expect(await status()).toMatch(
      /^\/live\/www\.ocsp failed since .*: "test -e \/fine" exit status 1/,
    )
  })

  it('reloads when the test succeeds, and nginx staples', async () => {
    const log = nginx.log()
    await writeFile(at('fine'), '')
    await nginx.reloaded(log)
    await everstaple.logged('reloaded')
    expect(await opensslSees(server)).toMatchObject({ certStatus: 'good' })
    expect(await curlJudges(server)).toEqual({ kind: 'accepted' })
    expect(await status()).toMatch(/^\/live\/www\.ocsp live since \S+$/)
  })

  it('leaves nginx its staple when the data folder is lost and the CA is away', async () => {
    await everstaple[Symbol.asyncDispose]()
    await responder.stop()
    const log = nginx.log()
    everstaple = await start('other')
    await everstaple.logged('fetchFailed')
    await nginx.reloaded(log)
    expect(await opensslSees(server)).toMatchObject({ certStatus: 'good' })
  })

  it('takes it away when the CA is back and says that the certificate is revoked', async () => {
    await everstaple[Symbol.asyncDispose]()
    await ca.revoke(leaf)
    await responder.start()
    everstaple = await start('third')
    await everstaple.logged('certificateRevoked')
    // A first reload may tell of the staple that was found.
    await expect.poll(() => opensslSees(server)).toMatchObject({ responseStatus: 'trylater' })
  })
})
