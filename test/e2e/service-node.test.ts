import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server as HttpsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EverstapleClient, everstaple, stapleFrom } from '../../src/tls/index.ts'
import { curlJudges, opensslSees, type Server } from './_clients.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith } from './_peer.ts'

describeWith(['openssl', 'curl'], 'everstaple run, for a Node.js server', () => {
  let folder: string
  let ca: OpensslCa
  let responder: OpensslResponder
  let leaves: readonly OpensslLeaf[]
  let service: Everstaple
  let staples: EverstapleClient
  let https: HttpsServer

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-e2e-'))
    await mkdir(join(folder, 'data'))
    ca = await createOpensslCa(folder)
    responder = await startOpensslResponder(ca)
    const ocspUrl = responder.url
    leaves = [
      await ca.issue({ name: 'rsa.test', ocspUrl, mustStaple: true }),
      await ca.issue({ name: 'ecdsa.test', ocspUrl, key: 'ecdsa' }),
    ]
    await responder.start()
    service = await startEverstaple(folder, {
      certificates: leaves.map(({ chain }) => chain),
      data: 'data',
      responders: { allowAddresses: ['127.0.0.1'] },
    })
    staples = everstaple({ url: service.url })
    const contexts = new Map<string, SecureContext>()
    for (const [i, name] of ['rsa.test', 'ecdsa.test'].entries()) {
      const { chain, key } = leaves[i] as OpensslLeaf
      const cert = await readFile(chain)
      await staples.ready(cert)
      contexts.set(name, createSecureContext({ cert, key: await readFile(key) }))
    }
    https = createServer(
      { SNICallback: (name, done) => done(null, contexts.get(name)) },
      (_request, response) => response.end('ok'),
    )
    stapleFrom(https, staples)
    await new Promise<void>((listening) => https.listen(0, '127.0.0.1', listening))
  })
  afterAll(async () => {
    https?.close()
    staples?.[Symbol.dispose]()
    await service?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  test.each([
    ['RSA', 'rsa.test', 0],
    ['ECDSA', 'ecdsa.test', 1],
  ] as const)('staples its certificate with an %s key', async (_key, name, at) => {
    const address = https.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const server: Server = { port, name, root: ca.root }
    const serial = leaves[at]?.serial
    expect(await opensslSees(server)).toMatchObject({ certStatus: 'good', serial })
    expect(await curlJudges(server)).toEqual({ kind: 'accepted' })
  })
})
