import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from '../_source-files.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith } from './_peer.ts'
import { runOk, runProgram } from './_program.ts'

describeWith(['openssl'], 'a centre and its edge', () => {
  let folder: string
  let ca: OpensslCa
  let responder: OpensslResponder
  let centre: Everstaple
  let edge: Everstaple
  let first: OpensslLeaf
  let second: OpensslLeaf
  const at = (path: string) => join(folder, path)
  const main = join(root, 'dist/cli/main.js')
  const startCentre = (listen = '127.0.0.1:0') =>
    startEverstaple(at('centre'), {
      ...{ certificates: [at('centre/certs')], data: at('centre/data'), listen },
      responders: { allowAddresses: ['127.0.0.1'] },
    })
  const startEdge = (agent: object = {}) =>
    startEverstaple(
      at('edge'),
      {
        ...{ certificates: [at('edge/certs')], data: at('edge/data') },
        agent: { server: centre.url, tokenFile: at('edge/token'), name: 'web1', ...agent },
        outputs: [{ file: '{source}.ocsp' }],
      },
      'agent',
    )
  const install = (leaf: OpensslLeaf, name: string) =>
    copyFile(leaf.chain, at(`edge/certs/${name}.pem`))
  const stapled = async (name: string) => (await readFile(at(`edge/certs/${name}.pem.ocsp`))).length
  const status = async (...args: string[]) =>
    JSON.parse((await runProgram(process.execPath, [main, 'status', '--json', ...args])).stdout)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-agent-'))
    for (const name of ['centre/certs', 'edge/certs']) await mkdir(at(name), { recursive: true })
    ca = await createOpensslCa(folder)
    responder = await startOpensslResponder(ca)
    first = await ca.issue({ name: 'first.example', ocspUrl: responder.url })
    second = await ca.issue({ name: 'second.example', ocspUrl: responder.url })
    await responder.start()
    await copyFile(first.chain, at('centre/certs/first.pem'))
    await install(first, 'first')
    centre = await startCentre()
    const made = ['token', 'create', 'web1', '--scope', 'edge', '--data', at('centre/data')]
    await writeFile(at('edge/token'), await runOk(process.execPath, [main, ...made]))
    edge = await startEdge()
  }, 30_000)
  afterAll(async () => {
    await edge[Symbol.asyncDispose]()
    await centre[Symbol.asyncDispose]()
    await responder[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('has the staple in its output', async () => {
    await edge.logged('fileWritten')
    expect(await stapled('first')).toBeGreaterThan(100)
  })
})
