import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { root } from '../_source-files.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { type Nginx, startNginx } from './_nginx.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith } from './_peer.ts'
import { type ProgramResult, runProgram } from './_program.ts'

function check(...args: readonly string[]): Promise<ProgramResult> {
  return everstapleRuns('check', ...args)
}

function everstapleRuns(...args: readonly string[]): Promise<ProgramResult> {
  return runProgram(process.execPath, [join(root, 'dist/cli/main.js'), ...args])
}

describeWith(['openssl', 'nginx'], 'everstaple check, of nginx', () => {
  let folder: string
  let ca: OpensslCa
  let responder: OpensslResponder
  let rsa: OpensslLeaf
  let ecdsa: OpensslLeaf
  let everstaple: Everstaple
  let nginx: Nginx
  const at = (index: number) => `localhost:${nginx.ports[index]}`

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-e2e-'))
    await mkdir(join(folder, 'staples'))
    ca = await createOpensslCa(folder)
    responder = await startOpensslResponder(ca)
    const ocspUrl = responder.url
    rsa = await ca.issue({ name: 'rsa.test', ocspUrl, mustStaple: true })
    ecdsa = await ca.issue({ name: 'ecdsa.test', ocspUrl, key: 'ecdsa' })
    await responder.start()
    everstaple = await startEverstaple(folder, {
      certificates: [rsa.chain, ecdsa.chain],
      data: 'data',
      responders: { allowAddresses: ['127.0.0.1'] },
      outputs: [{ file: 'staples/{domain}.ocsp' }],
    })
    await everstaple.program.wrote(/("event":"fileWritten"[\s\S]*){2}/)
    const stapled = ['ssl_stapling on;', `ssl_stapling_file ${folder}/staples/rsa.test.ocsp;`]
    const both = [`ssl_certificate ${ecdsa.chain};`, `ssl_certificate_key ${ecdsa.key};`]
    // Before 1.23.4, nginx does without TLS 1.3 unless told.
    const protocols = 'ssl_protocols TLSv1.2 TLSv1.3;'
    nginx = await startNginx(folder, [
      { leaf: rsa, directives: [protocols, ...stapled] },
      { leaf: rsa, directives: [protocols, ...both, ...stapled] },
      { leaf: rsa, directives: [protocols] },
    ])
  })
  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]()
    await everstaple?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('finds the staple in TLS 1.2 and 1.3, the one that everstaple holds', async () => {
    const { status, stdout } = await check(at(0), '--ca', ca.root, '--data', `${folder}/data`)
    expect(stdout).toMatch(
      /^OK - localhost:\d+: 2 of 2 handshakes stapled, usable until \S+Z \| handshakes=2 stapled=2\n/,
    )
    expect(stdout).toMatch(/\n {2}TLS 1.2 {2}RSA +stapled +rsa\.test \([\da-f]{12}, must-staple\)/)
    expect(stdout).toMatch(/\n {2}TLS 1.3 {2}ECDSA +not offered/)
    expect(stdout).toMatch(/\n {4}must-staple browser +connects: the staple is good\n/)
    expect(stdout).toMatch(/\n {4}held by everstaple +the same bytes\n/)
    expect(status).toBe(0)
  })

  it('finds that nginx staples the file of one certificate with the other one too', async () => {
    const { status, stdout } = await check(at(1), '--json')
    const { level, handshakes } = JSON.parse(stdout)
    expect([status, level]).toEqual([1, 'CRITICAL'])
    const short = handshakes.map(({ tls, key, outcome, certificate: { name } }: Shaken) => [
      ...[tls, key, name, outcome],
    ])
    expect(short).toEqual([
      ['1.2', 'rsa', 'rsa.test', 'stapled'],
      ['1.2', 'ecdsa', 'ecdsa.test', 'wrong-certificate'],
      ['1.3', 'rsa', 'rsa.test', 'stapled'],
      ['1.3', 'ecdsa', 'ecdsa.test', 'wrong-certificate'],
    ])
  })

  it('says what becomes of a must-staple certificate without a staple', async () => {
    const { status, stdout } = await check(at(2), '--ca', ca.root)
    expect(stdout).toMatch(/^CRITICAL - localhost:\d+: 2 of 2 handshakes .*: none-sent, there is/)
    expect(stdout).toMatch(/hard-fail client +refuses: there is no staple\n/)
    expect(stdout).toMatch(/soft-fail client +connects: /)
    expect(stdout).toMatch(
      /must-staple browser +refuses: .* \(MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING\)\n/,
    )
    expect(status).toBe(1)
  })

  it('refuses a chain that is not by the given CA, or for another name', async () => {
    const stranger = await check(at(0), '--ca', ecdsa.certificate)
    expect([stranger.status, stranger.stdout]).toEqual([1, expect.stringMatching(/is not trusted/)])
    const named = ['--servername', 'www.example.org', '--ca', ca.root]
    const misnamed = await check(at(0), ...named)
    expect(misnamed.stdout).toMatch(/not trusted: ERR_TLS_CERT_ALTNAME_INVALID/)
    expect(misnamed.status).toBe(1)
  })

  it('finds a server by IPv6', async () => {
    const cert = await readFile(ecdsa.certificate)
    const server = createTlsServer({ cert, key: await readFile(ecdsa.key) })
    server.on('tlsClientError', () => {})
    const port = await listening(server, '::1')
    const { status, stdout } = await check(`[::1]:${port}`)
    server.close()
    expect(stdout).toMatch(/^CRITICAL - \[::1\]:\d+: 2 of 2 handshakes .*: none-sent/)
    expect(status).toBe(1)
  })

  it('reports what is wrong to a collector, such as everstaple itself', async () => {
    const url = `${everstaple.url}/v1/expect-staple`
    const good = await check(at(0), '--report-to', url)
    expect([good.status, good.stderr]).toEqual([0, ''])
    const bad = await check(at(2), '--report-to', url)
    expect([bad.status, bad.stderr]).toEqual([1, expect.stringMatching(/: reported to 127/)])
    await everstaple.program.stop()
    const text = await readFile(`${folder}/data/expect-staple.jsonl`, 'utf8')
    // One line, and once, as TLS 1.2 and 1.3 gave the same.
    expect(JSON.parse(text)).toMatchObject({
      ...{ port: nginx.ports[2], name: 'rsa.test', reason: 'none-sent', count: 1 },
    })
    const status = await everstapleRuns('status', '--data', `${folder}/data`)
    expect(status.stdout).toMatch(
      /^! {2}localhost:\d+ {2}rsa\.test {2}none-sent 1; last \S+ ago: /m,
    )
    const one = await everstapleRuns('status', 'rsa.test', '--data', `${folder}/data`)
    expect(one.stdout).toMatch(/^ +reported +localhost:\d+ none-sent 1; last \S+ ago: /m)
    const late = await check(at(2), '--report-to', url)
    expect(late.stderr).toMatch(/^everstaple: error: not reported to 127\.0\.0\.1:\d+: .*ECONNREF/)
    expect(late.status).toBe(1)
  })
})

interface Shaken {
  readonly tls: string
  readonly key: string
  readonly outcome: string
  readonly certificate: { readonly name: string }
}

describe('everstaple check, where there is no TLS server', () => {
  const servers: Server[] = []
  afterAll(() => {
    for (const server of servers) server.close()
  })
  const closed = async () => {
    const server = createTcpServer()
    const port = await listening(server)
    server.close()
    return port
  }
  const open = (server: Server) => {
    servers.push(server)
    return listening(server)
  }

  test.each<[string, () => Promise<number>, RegExp]>([
    ['nobody listens', closed, /nobody listens there \(ECONNREFUSED\)/],
    ['a web server', () => open(createHttpServer()), /what answers does not speak TLS/],
    [
      'a mail server',
      () => open(createTcpServer((socket) => socket.on('error', () => {}).write('220 ESMTP\r\n'))),
      /what answers does not speak TLS[\s\S]*STARTTLS/,
    ],
    [
      'one that hangs up',
      () => open(createTcpServer((socket) => socket.on('error', () => {}).destroy())),
      /the server closed the connection/,
    ],
    [
      'one that refuses',
      () => open(createTlsServer().on('tlsClientError', () => {})),
      /the server refused the handshake: handshake_failure/,
    ],
  ])('%s', async (_, start, message) => {
    const { status, stdout, stderr } = await check(`127.0.0.1:${await start()}`)
    expect(stdout).toMatch(/^UNKNOWN - 127.0.0.1:\d+: .* \| handshakes=0 stapled=0\n/)
    expect(stdout).toMatch(message)
    expect([status, stderr]).toEqual([2, ''])
  })

  test.each([
    [['nosuch.invalid'], 'stdout', /^UNKNOWN - nosuch.invalid:443: .*name/],
    [['https://a.test'], 'stderr', /^everstaple: error: 'https:\/\/a.test' is not a server\n/],
    [['a.test', '--servername', '::1'], 'stderr', /^everstaple: error: --servername '::1' is not/],
    [['a.test', '--data', '/nowhere'], 'stderr', /^everstaple: error: there is no database/],
    [['a.test', '--report-to', 'a.test'], 'stderr', /^everstaple: error: --report-to 'a.test' is/],
    [['a.test', '--ca', '/nowhere'], 'stderr', /^everstaple: error: '\/nowhere' does not exist/],
  ] as const)('%j', async (args, stream, message) => {
    const result = await check(...args)
    expect(result[stream]).toMatch(message)
    expect(result.status).toBe(2)
  })
})

async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  await once(server.listen(0, host), 'listening')
  return (server.address() as AddressInfo).port
}
