import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from '../_source-files.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { type Nginx, nginxReloadCommand, startNginx } from './_nginx.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith } from './_peer.ts'
import { runProgram } from './_program.ts'

describeWith(['openssl', 'nginx'], 'a renewal of a must-staple certificate of nginx', () => {
  let folder: string
  let live: string
  let ca: OpensslCa
  let responder: OpensslResponder
  let everstaple: Everstaple
  let nginx: Nginx
  const main = join(root, 'dist/cli/main.js')
  const ensure = (path: string) => {
    const args = ['ensure', path, '--server', everstaple.url, '--wait', '10s']
    return runProgram(process.execPath, [main, ...args])
  }
  const issue = async () => {
    const leaf = await ca.issue({ name: 'www.test', ocspUrl: responder.url, mustStaple: true })
    await responder.start()
    return leaf
  }
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
    everstaple = await startEverstaple(folder, {
      certificates: [live],
      data: 'data',
      responders: { allowAddresses: ['127.0.0.1'] },
      outputs: [{ file: '{source}.ocsp', reload: nginxReloadCommand(folder), debounce: '50ms' }],
    })
  })
  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]()
    await everstaple?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('leaves no handshake without the staple of the certificate that is served', async () => {
    const first = await issue()
    await install(first)
    expect((await ensure(join(live, 'www.pem'))).status).toBe(0)
    const files = { certificate: join(live, 'www.pem'), key: join(live, 'www.key') }
    const leaf = { ...files, chain: files.certificate, serial: first.serial }
    const staple = `ssl_stapling_file ${join(live, 'www.pem.ocsp')};`
    nginx = await startNginx(folder, [{ leaf, directives: ['ssl_stapling on;', staple] }])
    const clients = startClients(nginx.ports[0] ?? 0, await readFile(ca.root, 'utf8'))
    const renewed = await issue()
    expect((await ensure(renewed.chain)).status).toBe(0)
    // From here on the CA is not there to help.
    await responder.stop()
    await install(renewed)
    const { status, stdout } = await ensure(join(live, 'www.pem'))
    expect([status, stdout]).toEqual([0, expect.stringContaining(join(live, 'www.pem.ocsp'))])
    await nginx.reloaded('')
    const seen = await clients.stop(10)
    expect([...seen.keys()]).toEqual([
      `${first.serial} with its staple`,
      `${renewed.serial} with its staple`,
    ])
  })
})

/** Shakes hands again and again; what each client saw is counted. */
function startClients(port: number, trusted: string) {
  const seen = new Map<string, number>()
  let left = Number.POSITIVE_INFINITY
  const work = async () => {
    for (; left > 0; left--) {
      const what = await shakeHands(port, trusted)
      seen.set(what, (seen.get(what) ?? 0) + 1)
    }
  }
  const done = work()
  return {
    /** Ends after so many more. */
    async stop(more: number) {
      left = more
      await done
      return seen
    },
  }
}

function shakeHands(port: number, ca: string): Promise<string> {
  return new Promise((resolve) => {
    let response: Buffer | null = null
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: 'www.test',
      ca,
      requestOCSP: true,
    })
    socket.on('OCSPResponse', (stapled: Buffer | null) => {
      response = stapled
    })
    socket.on('error', ({ message }) => resolve(message))
    socket.on('secureConnect', () => {
      const serial = socket.getPeerCertificate().serialNumber.toLowerCase()
      const isIts = response?.includes(Buffer.from(serial, 'hex')) ?? false
      resolve(
        `${serial} ${isIts ? 'with its staple' : `with ${response === null ? 'no' : 'another'} staple`}`,
      )
      socket.destroy()
    })
  })
}
