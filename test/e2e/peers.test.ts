import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, test } from 'vitest'
import { curlJudges, opensslSees, type Server } from './_clients.ts'
import { type Nginx, startNginx } from './_nginx.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith, peerPath } from './_peer.ts'
import { runOk } from './_program.ts'

// What the other end-to-end tests stand on: without everstaple, a staple that the openssl command fetched reaches both clients.
describeWith(['openssl', 'curl', 'nginx'], 'openssl, nginx and curl without everstaple', () => {
  let folder: string
  let ca: OpensslCa
  let responder: OpensslResponder
  let leaves: Record<'rsa' | 'ecdsa' | 'bare', OpensslLeaf>
  let nginx: Nginx
  const staple = (name: string) => join(folder, `${name}.ocsp`)
  const server = (at: number, name: string): Server => ({
    port: nginx.ports[at] ?? 0,
    name,
    root: ca.root,
  })
  const fetchStaple = ({ chain }: OpensslLeaf, name: string) =>
    runOk(peerPath('openssl'), [
      ...['ocsp', '-issuer', ca.issuer.certificate, '-cert', chain, '-CAfile', ca.root],
      ...['-url', responder.url, '-no_nonce', '-respout', staple(name)],
    ])

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-e2e-'))
    ca = await createOpensslCa(folder)
    responder = await startOpensslResponder(ca)
    const ocspUrl = responder.url
    leaves = {
      rsa: await ca.issue({ name: 'rsa.test', ocspUrl, mustStaple: true }),
      ecdsa: await ca.issue({ name: 'ecdsa.test', ocspUrl, key: 'ecdsa' }),
      bare: await ca.issue({ name: 'bare.test', ocspUrl }),
    }
    await responder.start()
    await fetchStaple(leaves.rsa, 'rsa')
    const signer = await ca.issueSigner('signer')
    await responder.start({ signer, validMinutes: 600 })
    await fetchStaple(leaves.ecdsa, 'ecdsa')
    const stapling = (name: string) => ['ssl_stapling on;', `ssl_stapling_file ${staple(name)};`]
    nginx = await startNginx(folder, [
      { leaf: leaves.rsa, directives: stapling('rsa') },
      { leaf: leaves.ecdsa, directives: stapling('ecdsa') },
      { leaf: leaves.bare, directives: [] },
    ])
  })
  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  test.each([
    ['signed by the issuer', 0, 'rsa'],
    ['signed by a delegated signer', 1, 'ecdsa'],
  ] as const)('a staple %s satisfies both clients', async (_signed, at, key) => {
    const asked = server(at, `${key}.test`)
    expect(await opensslSees(asked)).toMatchObject({
      kind: 'staple',
      responseStatus: 'successful',
      certStatus: 'good',
      serial: leaves[key].serial,
    })
    expect(await curlJudges(asked)).toEqual({ kind: 'accepted' })
  })
  it('is seen when there is no staple', async () => {
    const asked = server(2, 'bare.test')
    expect(await opensslSees(asked)).toEqual({ kind: 'no-staple' })
    expect(await curlJudges(asked)).toMatchObject({ kind: 'refused', status: 91 })
  })
  it('is seen, after a reload, that a certificate is revoked', async () => {
    await ca.revoke(leaves.ecdsa)
    await responder.start()
    await fetchStaple(leaves.ecdsa, 'ecdsa')
    await nginx.reload()
    const asked = server(1, 'ecdsa.test')
    expect(await opensslSees(asked)).toMatchObject({ kind: 'staple', certStatus: 'revoked' })
    expect(await curlJudges(asked)).toMatchObject({ kind: 'refused', status: 91 })
  })
})
