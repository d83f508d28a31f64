import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, it, test } from 'vitest'
import { root } from '../_source-files.ts'
import { opensslSees } from './_clients.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith, peerPath } from './_peer.ts'
import { freePorts } from './_ports.ts'
import { runOk, runProgram } from './_program.ts'

/** An address of this machine that is not loopback: whoever comes from it is taken for another machine. */
const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses)
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address

const main = join(root, 'dist/cli/main.js')
const run = (...args: string[]) => runProgram(process.execPath, [main, ...args])

describeWith(['openssl', 'curl'], 'a listener with TLS', () => {
  let folder: string
  let ca: OpensslCa
  let responder: OpensslResponder
  let centre: Everstaple
  let own: OpensslLeaf
  let port: number
  let ocspUrl: string
  let slow: readonly SlowClient[]
  const tokens = new Map<string, string>()
  const at = (path: string) => join(folder, path)
  const install = async ({ key, chain }: OpensslLeaf) => {
    await copyFile(key, at('own.key'))
    await copyFile(chain, at('own.pem'))
  }
  const handshake = () => opensslSees({ port, name: 'localhost', root: ca.root })
  /** What curl gets as somebody elsewhere; it insists on a good staple. */
  const curl = async (token: string | undefined, method: string, path: string) => {
    const address = elsewhere ?? '127.0.0.1'
    const args = [
      ...['--silent', '--cacert', ca.root, '--cert-status', '--request', method],
      ...['--resolve', `centre.test:${port}:${address}`, '--write-out', '\n%{http_code}'],
      ...(token === undefined ? [] : ['--header', `Authorization: Bearer ${tokens.get(token)}`]),
    ]
    const text = await runOk(peerPath('curl'), [...args, `https://centre.test:${port}${path}`])
    return Number(text.split('\n').at(-1))
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-access-'))
    ca = await createOpensslCa(folder)
    responder = await startOpensslResponder(ca)
    own = await ca.issue({ name: 'centre.test', ocspUrl: responder.url, mustStaple: true })
    await responder.start()
    await install(own)
    for (const name of ['read', 'edge', 'revoked']) {
      const scope = name === 'edge' ? 'edge' : 'read'
      const args = ['token', 'create', name, '--scope', scope, '--data', at('data')]
      tokens.set(name, (await runOk(process.execPath, [main, ...args])).trim())
      await writeFile(at(`${name}.token`), `${tokens.get(name)}\n`)
    }
    tokens.set('wrong', `evs_${'A'.repeat(43)}`)
    const [free = 0] = await freePorts(1)
    port = free
    centre = await startEverstaple(folder, {
      ...{ data: at('data'), listen: `0.0.0.0:${port}`, ocspListen: '127.0.0.1:0' },
      tls: { certificate: at('own.pem'), key: at('own.key') },
      responders: { allowAddresses: ['127.0.0.1'] },
    })
    ocspUrl = /"ocspUrl":"([^"]+)"/.exec(centre.program.output())?.[1] ?? ''
    slow = [
      new SlowClient('silent', connectTcp(port, '127.0.0.1')),
      new SlowClient('silent', connectTcp(Number(new URL(ocspUrl).port), '127.0.0.1')),
      new SlowClient('silent', connectTls({ port, rejectUnauthorized: false })),
      new SlowClient('dripping', connectTls({ port, rejectUnauthorized: false })),
      new SlowClient('reading the feed', connectTls({ port, rejectUnauthorized: false })),
    ]
    await centre.logged('stapleStored')
  }, 30_000)
  afterAll(async () => {
    for (const client of slow ?? []) client.socket.destroy()
    await centre?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('staples its own certificate, which needs no other mention', async () => {
    expect(await handshake()).toMatchObject({ certStatus: 'good', serial: own.serial })
  })

  it('refuses TLS 1.1', async () => {
    const { stderr } = await runProgram(peerPath('openssl'), [
      ...['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
    ])
    expect(stderr).toMatch(/alert protocol version/)
  })

  const unshown = elsewhere === undefined ? 200 : 403
  test.each([
    [undefined, 'GET', '/v1/certificates', unshown],
    ['wrong', 'GET', '/v1/certificates', 401],
    ['read', 'GET', '/v1/certificates', 200],
    ['read', 'POST', '/v1/edges/a', 403],
    ['edge', 'GET', '/v1/edges', 200],
    ['edge', 'POST', '/v1/edges/a', 422],
    ['edge', 'DELETE', '/v1/edges/a', 403],
  ])('with token %s, %s %s is answered with %i', async (token, method, path, status) => {
    expect(await curl(token, method, path)).toBe(status)
  })

  it('takes a token no longer that was revoked', async () => {
    expect(await curl('revoked', 'GET', '/v1/edges')).toBe(200)
    await runOk(process.execPath, [main, 'token', 'revoke', 'revoked', '--data', at('data')])
    expect(await curl('revoked', 'GET', '/v1/edges')).toBe(401)
  })

  it('serves `everstaple ensure`, by URL and by configuration', async () => {
    const server = ['--server', `https://localhost:${port}`, '--token-file', at('edge.token')]
    const [trusted, not, local] = await Promise.all([
      run('ensure', own.chain, ...server, '--ca', ca.root),
      run('ensure', own.chain, ...server),
      run('ensure', own.chain, '--config', at('everstaple.yaml')),
    ])
    expect([trusted.status, trusted.stderr]).toEqual([0, ''])
    expect(trusted.stdout).toMatch(/^\+ centre\.test: stapled until 20/)
    expect([not.status, not.stderr]).toEqual([2, expect.stringContaining('with --ca')])
    expect([local.status, local.stderr]).toEqual([0, ''])
  })

  it('serves agents', async () => {
    await mkdir(at('edge'))
    await copyFile(own.certificate, at('edge/a.pem'))
    await copyFile(ca.issuer.certificate, at('edge/issuer.pem'))
    const server = `https://localhost:${port}`
    const agent = { server, tokenFile: at('edge.token'), ca: ca.root, name: 'web1' }
    const certificates = [at('edge')]
    const config = { data: at('edge/data'), certificates, agent }
    await using edge = await startEverstaple(at('edge'), config, 'agent')
    await edge.logged('stapleReceived')
  })

  it('answers OCSP on an address of its own, and nothing else there', async () => {
    const args = ['-issuer', ca.issuer.certificate, '-cert', own.certificate, '-CAfile', ca.root]
    const url = `${ocspUrl}/ocsp/`
    const { stdout } = await runProgram(peerPath('openssl'), ['ocsp', '-url', url, ...args])
    expect(stdout).toMatch(/: good$/m)
    const paths = ['/healthz', '/metrics', '/v1/certificates']
    const statuses = paths.map(async (path) => (await fetch(ocspUrl + path)).status)
    expect(await Promise.all(statuses)).toEqual([404, 404, 404])
  })

  it('goes over to a renewed certificate without a restart, and without a gap', async () => {
    const renewed = await ca.issue({ name: 'renewed.test', ocspUrl: responder.url })
    await responder.start()
    const skipped = centre.program.output().length
    await install(renewed)
    await centre.logged('listenerCertificateChanged', skipped)
    expect(await handshake()).toMatchObject({ certStatus: 'good', serial: renewed.serial })
    await copyFile(own.key, at('own.key'))
    await centre.logged('listenerCertificateRefused', skipped)
    expect(await handshake()).toMatchObject({ serial: renewed.serial })
    own = renewed
    await install(own)
  })

  it('lets in only so many connections from elsewhere', async (context) => {
    if (elsewhere === undefined) return context.skip('this machine has loopback addresses only')
    const sockets = Array.from({ length: 300 }, () => connectTcp(port, elsewhere))
    for (const socket of sockets) socket.on('error', () => {}).resume()
    const open = () => sockets.filter(({ closed }) => !closed).length
    await expect.poll(open).toBeLessThan(257)
    // Some were open before.
    expect(open()).toBeGreaterThan(200)
    for (const socket of sockets) socket.destroy()
    expect(await handshake()).toMatchObject({ certStatus: 'good' })
  })

  it.each([
    ['the key of another', async () => copyFile(ca.issuer.key, at('bad.key')), /is not the key of/],
    ['no key', async () => {}, /bad\.key does not exist; it is named by tls\.key/],
  ])('does not start with %s', async (_name, arrange, why) => {
    await rm(at('bad.key'), { force: true })
    await arrange()
    const tls = { certificate: own.chain, key: at('bad.key') }
    await writeFile(at('bad.yaml'), JSON.stringify({ data: at('bad'), listen: '[::1]:0', tls }))
    const { status, stderr } = await run('run', '--config', at('bad.yaml'))
    expect([status, stderr.replaceAll('\neverstaple: hint: ', '; ')]).toEqual([
      2,
      expect.stringMatching(why),
    ])
    expect(stderr).not.toContain('PRIVATE')
  })

  it('has shed the slow and the silent, and not those who read the feed', async () => {
    const [feed, ...others] = slow.toReversed()
    for (const client of others) expect(await client.endedAfter).toBeLessThan(9_000)
    expect(feed?.socket.destroyed).toBe(false)
    expect(feed?.received).toMatch(/^HTTP\/1\.1 200[\s\S]*event: current/)
  })

  it('has logged no token and no key', async () => {
    const log = centre.program.output()
    for (const token of tokens.values()) expect(log).not.toContain(token.slice(4))
    const [, line = 'none'] = (await readFile(own.key, 'utf8')).split('\n')
    expect(log).not.toContain(line)
  })
})

/** A client that says nothing, or a byte now and then, or asks for the feed and only listens. */
class SlowClient {
  readonly socket: Socket
  /** Milliseconds from its beginning. */
  readonly endedAfter: Promise<number>
  received = ''

  constructor(manner: 'silent' | 'dripping' | 'reading the feed', socket: Socket) {
    const begun = performance.now()
    this.socket = socket
    this.endedAfter = once(socket, 'close').then(() => performance.now() - begun)
    socket
      .on('error', () => {})
      .on('data', (bytes) => {
        this.received += bytes
      })
    if (manner === 'silent') return
    const isFeed = manner === 'reading the feed'
    socket.write(`GET /v1/changes HTTP/1.1\r\nHost: 127.0.0.1\r\n${isFeed ? '\r\n' : ''}`)
    if (isFeed) return
    const drip = setInterval(() => socket.write('X: y\r\n'), 500)
    socket.once('close', () => clearInterval(drip))
  }
}
