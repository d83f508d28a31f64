import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect as connectTcp, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { durationMs, SECOND_MS } from '../der/time.ts'
import type { LabCertificate } from '../lab/ca.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { now, pki, staple } from './_setup.ts'
import { OwnCertificate } from './own-certificate.ts'

const renewed = pki.issueLeaf({ key: pki.keys('a renewed key', 'prime256v1') })
let folder: string
let clock: SimulatedClock
let stapled: string[]
let told: string[]
let own: OwnCertificate
let server: Server
let stop: AbortController
const install = async ({ keyPem, pem }: LabCertificate) => {
  await writeFile(join(folder, 'key'), keyPem)
  await writeFile(join(folder, 'chain'), pem + pki.issuer.pem)
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'everstaple-own-'))
  clock = new SimulatedClock(now)
  stapled = [pki.leaf.certificate.fingerprint]
  told = []
  stop = new AbortController()
  await install(pki.leaf)
  own = await OwnCertificate.open({
    files: { certificate: join(folder, 'chain'), key: join(folder, 'key') },
    staples: {
      async byId(id) {
        if (stapled.includes('broken')) throw new Error('disk gone')
        return stapled.includes(id) ? staple : undefined
      },
    },
    clock,
    events: {
      listenerCertificateChanged: ({ name }) => told.push(`changed: ${name}`),
      listenerCertificateRefused: ({ problem }) => told.push(problem),
    },
  })
  server = own.createServer({}, (_request, response) => response.end('hello'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  stop.abort()
  server.close()
  await rm(folder, { recursive: true })
})

function port(): number {
  return (server.address() as AddressInfo).port
}

/** The certificate and the staple that a client gets. */
async function handshake(socket: Socket = connectTcp(port(), '127.0.0.1')) {
  const client = connect({ socket, ca: pki.root.pem, host: 'localhost', requestOCSP: true })
  const response = once(client, 'OCSPResponse')
  await once(client, 'secureConnect')
  const [received] = await response
  const { raw } = client.getPeerCertificate()
  client.destroy()
  const fingerprint = new X509Certificate(raw).fingerprint256.replaceAll(':', '').toLowerCase()
  return { fingerprint, isStapled: received?.equals(Buffer.from(staple.der)) === true }
}

/** Lets so many seconds pass, and the files be looked at in each. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await clock.advance(durationMs(SECOND_MS))
    await expect.poll(() => clock.sleeping, { interval: 1 }).toBe(1)
  }
}

describe('a server with it', () => {
  it('staples', async () => {
    const { fingerprint } = pki.leaf.certificate
    expect(await handshake()).toEqual({ fingerprint, isStapled: true })
  })

  it.each([
    ['there is none', []],
    ['it cannot be read', ['broken']],
  ])('goes without a staple where %s', async (_name, held) => {
    stapled = held
    expect(await handshake()).toMatchObject({ isStapled: false })
  })
})

describe('follow()', () => {
  const { fingerprint } = renewed.certificate
  beforeEach(async () => {
    void own.follow(stop.signal)
    await pass(1)
  })

  it('goes over to a new certificate once it can staple it', async () => {
    await install(renewed)
    await pass(5)
    expect([told, (await handshake()).fingerprint]).toEqual([[], pki.leaf.certificate.fingerprint])
    stapled.push(fingerprint)
    await pass(1)
    expect(told).toEqual(['changed: localhost'])
    expect(await handshake()).toEqual({ fingerprint, isStapled: true })
    await pass(3)
    expect(told).toHaveLength(1)
  })

  it('does not wait for ever for the staple', async () => {
    await install(renewed)
    await pass(32)
    expect(await handshake()).toEqual({ fingerprint, isStapled: false })
  })

  it('keeps what it has where the new one cannot be used, and says so once', async () => {
    await writeFile(join(folder, 'key'), renewed.keyPem)
    await pass(5)
    expect(told).toEqual([expect.stringMatching(/key is not the key of the first certificate/)])
    expect((await handshake()).fingerprint).toBe(pki.leaf.certificate.fingerprint)
    stapled.push(fingerprint)
    await install(renewed)
    await pass(2)
    expect(await handshake()).toEqual({ fingerprint, isStapled: true })
  })

  it('says nothing of files that are only half written for a moment', async () => {
    stapled.push(fingerprint)
    await writeFile(join(folder, 'key'), renewed.keyPem)
    await pass(1)
    await install(renewed)
    await pass(2)
    expect(told).toEqual(['changed: localhost'])
  })

  it('never gives the staple of the new one in a handshake with the old one', async () => {
    const waiting = connectTcp(port(), '127.0.0.1')
    const late = new Promise((resolve) => waiting.once('close', resolve).once('error', resolve))
    const accepted = once(server, 'connection')
    await accepted
    stapled = [fingerprint]
    await install(renewed)
    await pass(2)
    await late
    expect(await handshake()).toEqual({ fingerprint, isStapled: true })
  })
})
