import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DAY_MS, plus } from '../../src/der/time.ts'
import { HaproxySocket } from '../../src/edge/outputs/haproxy-socket.ts'
import { systemClock } from '../../src/time/clock.ts'
import { root } from '../_source-files.ts'
import { opensslSees, type Server } from './_clients.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { createOpensslCa, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { describeWith, peerPath } from './_peer.ts'
import { freePorts } from './_ports.ts'
import { type RunningProgram, runProgram, startProgram } from './_program.ts'

describeWith(['openssl', 'haproxy'], 'everstaple run, by the socket of HAProxy', () => {
  let folder: string
  let ca: OpensslCa
  let responder: OpensslResponder
  let leaf: OpensslLeaf
  let haproxy: RunningProgram
  let everstaple: Everstaple
  let server: Server
  const at = (name: string) => join(folder, name)
  const staple = () => at('certificates/www.pem.ocsp')

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-haproxy-'))
    await mkdir(at('certificates'))
    ca = await createOpensslCa(folder)
    responder = await startOpensslResponder(ca)
    leaf = await ca.issue({ name: 'www.test', ocspUrl: responder.url })
    const parts = [leaf.chain, leaf.key].map((path) => readFile(path, 'utf8'))
    await writeFile(at('certificates/www.pem'), (await Promise.all(parts)).join(''))
    await responder.start()
    // Its issuer is missing: there can be no staple yet.
    await mkdir(at('live'))
    await writeFile(at('live/www.pem'), await readFile(leaf.certificate))
    everstaple = await startEverstaple(folder, {
      certificates: ['live'],
      data: 'data',
      responders: { allowAddresses: ['127.0.0.1'] },
      outputs: [
        { server: 'haproxy', file: 'certificates/{name}.pem.ocsp', socket: at('haproxy.sock') },
      ],
    })
    await everstaple.logged('filePrepared')
    const [port = 0] = await freePorts(1)
    server = { port, name: 'www.test', root: ca.root }
    await writeFile(at('haproxy.cfg'), configuration(folder, port))
    const args = ['-W', '-f', at('haproxy.cfg')]
    haproxy = await startProgram({ path: peerPath('haproxy'), args, ready: /Loading success/ })
  })
  afterAll(async () => {
    await haproxy?.[Symbol.asyncDispose]()
    await everstaple?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const status = async () => {
    const args = [join(root, 'dist/cli/main.js'), 'status', '--data', at('data'), '--json']
    const { stdout } = await runProgram(process.execPath, args)
    const outputs: readonly { place: string; state: string; problem: string | null }[] =
      JSON.parse(stdout).certificates[0].outputs
    return outputs.map(({ place, state }) => `${place.replace(folder, '')} ${state}`).sort()
  }

  it('makes an empty file, with which HAProxy starts without a staple', async () => {
    expect(await readFile(staple())).toHaveLength(0)
    expect(await opensslSees(server)).toEqual({ kind: 'no-staple' })
    expect(await status()).toEqual([
      '/certificates/www.pem.ocsp withdrawn',
      '/haproxy.sock withdrawn',
    ])
  })

  it('gives the running HAProxy its first staple, without a reload', async () => {
    const started = haproxy.output().length
    await writeFile(at('live/www.pem'), await readFile(leaf.chain))
    await everstaple.logged('socketTold')
    const { serial } = leaf
    expect(await opensslSees(server)).toMatchObject({ certStatus: 'good', serial })
    expect(haproxy.output().slice(started)).not.toContain('forked')
    expect(await readFile(staple())).not.toHaveLength(0)
    expect(await status()).toEqual(['/certificates/www.pem.ocsp live', '/haproxy.sock live'])
  })

  const reload = async () => {
    const before = haproxy.output().length
    process.kill(haproxy.pid, 'SIGUSR2')
    await haproxy.wrote(/Loading success/, before)
  }

  it('is there from the file after HAProxy was reloaded', async () => {
    await reload()
    const { serial } = leaf
    expect(await opensslSees(server)).toMatchObject({ certStatus: 'good', serial })
  })

  it('says of a certificate that HAProxy has not read yet that it takes the file', async () => {
    const other = await ca.issue({ name: 'other.test', ocspUrl: responder.url })
    await responder.start()
    await writeFile(at('live/other.pem'), await readFile(other.chain))
    const seen = async () => {
      const args = [join(root, 'dist/cli/main.js'), 'status', 'other.test', '--data', at('data')]
      return (await runProgram(process.execPath, args)).stdout
    }
    await expect
      .poll(seen, { timeout: 10_000 })
      .toMatch(/haproxy\.sock live since .*: HAProxy has not read this certificate yet/)
  })

  it('is given again by a sweep where HAProxy started anew without the file', async () => {
    await everstaple.program.stop()
    const der = await readFile(staple())
    await writeFile(staple(), '')
    const log: string[] = []
    const socket = socketOutput(at('haproxy.sock'), log)
    const [now, end] = [systemClock.now(), plus(systemClock.now(), DAY_MS)]
    const times = { producedAt: now, thisUpdate: now, nextUpdate: end, usableUntil: end }
    const certificate = { id: 'a', der, name: 'www.test', sources: [], notAfter: end }
    await socket.apply(certificate, { der, received: der, status: 'good', ...times })
    await socket.sweep()
    await reload()
    expect(await opensslSees(server)).toEqual({ kind: 'no-staple' })
    log.length = 0
    await socket.sweep()
    expect(log).toEqual(['restarted', 'told'])
    expect(await opensslSees(server)).toMatchObject({ certStatus: 'good', serial: leaf.serial })
  })
})

function socketOutput(socket: string, log: string[]): HaproxySocket {
  const note = (what: string) => () => void log.push(what)
  const failed = { socketFailed: note('failed'), stapleWithheld: note('withheld') }
  return new HaproxySocket({
    socket,
    clock: systemClock,
    events: { socketTold: note('told'), haproxyRestarted: note('restarted'), ...failed },
    known: () => undefined,
    noted: () => 'new',
    startsWith: 'nothing',
    reload: undefined,
  })
}

function configuration(folder: string, port: number): string {
  return `global
  stats socket ${join(folder, 'haproxy.sock')} mode 600 level admin
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend tls
  bind 127.0.0.1:${port} ssl crt ${join(folder, 'certificates/www.pem')}
  http-request return status 200 content-type text/plain string ok
`
}
