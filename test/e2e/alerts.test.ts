import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SECOND_MS } from '../../src/der/time.ts'
import { tryLater, validFor } from '../../src/lab/faults/answers.ts'
import { onSerialNumber } from '../../src/lab/faults/combine.ts'
import { makeHierarchy } from '../../src/lab/hierarchy.ts'
import { type Responder, startResponder } from '../../src/lab/responder.ts'
import { systemClock } from '../../src/time/clock.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'

/** A webhook as it came. */
interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly answered: number
}

interface Payload {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>> & { readonly name: string }
}

// The responder fails for one certificate until less than a quarter of its staple's life is left, and revokes another.
describe('everstaple run tells operators', () => {
  const key = randomBytes(32)
  const received: Received[] = []
  let folder: string
  let responder: Responder
  let receiver: Server
  let config: object
  let everstaple: Everstaple

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-e2e-'))
    const certificates = join(folder, 'certificates')
    await mkdir(certificates)
    const pki = makeHierarchy({ now: systemClock.now(), caKey: 'prime256v1' })
    // Of a life of twenty seconds eight are left: three, until less than a quarter is.
    const old = validFor(-12 * SECOND_MS, 8 * SECOND_MS)
    responder = await startResponder({ issuer: pki.issuer, fault: old })
    const [failing, revoked] = ['failing.test', 'revoked.test'].map((name) =>
      pki.issueLeaf({ dnsNames: [name], ocspUrls: [responder.url] }),
    )
    if (failing === undefined || revoked === undefined) throw new Error('there are two')
    await writeFile(join(certificates, 'failing.pem'), failing.pem + pki.issuer.pem)
    await writeFile(join(certificates, 'revoked.pem'), revoked.pem + pki.issuer.pem)
    await writeFile(join(folder, 'webhook.key'), `whsec_${key.toString('base64')}\n`)
    receiver = await startReceiver(received)
    const webhook = {
      webhook: `http://127.0.0.1:${portOf(receiver)}/everstaple`,
      secretFile: 'webhook.key',
    }
    const command = {
      command: `{ echo "$EVERSTAPLE_EVENT $EVERSTAPLE_NAME"; cat; } >>'${join(folder, 'told')}'`,
    }
    const broken = { command: 'echo no pager >&2; exit 3' }
    config = {
      certificates: [certificates],
      data: 'data',
      responders: { allowAddresses: ['127.0.0.1'] },
      alerts: {
        onChange: [webhook],
        onFailing: [broken, command, webhook],
        onRevoked: [webhook, command],
      },
    }
    everstaple = await startEverstaple(folder, config)
    await told('staple.stored', 'failing.test')
    await told('staple.stored', 'revoked.test')
    const { serialNumber } = failing.certificate
    const isFailing = (asked: Uint8Array) => Buffer.compare(asked, serialNumber) === 0
    responder.setFault(onSerialNumber(isFailing, tryLater, old))
    responder.setStatus(revoked.certificate, { revokedAt: systemClock.now() })
    await told('certificate.failing', 'failing.test')
    responder.setFault(old)
    await told('certificate.recovered', 'failing.test')
    await told('certificate.revoked', 'revoked.test')
    // Within ten seconds.
    while (sentAs(received[0]).length < 2) await once(receiver, 'told')
    for (const type of ['certificate.recovered', 'certificate.revoked']) {
      const line = `"event":"alertSent","to":"{ echo[^\\n]*"type":"${type}"`
      await everstaple.program.wrote(new RegExp(line))
    }
  })
  afterAll(async () => {
    await everstaple?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    receiver?.close()
    await rm(folder, { recursive: true })
  })

  /** Resolves when a webhook has said so and was answered well. */
  async function told(type: string, name: string): Promise<void> {
    const isTold = () =>
      payloads().some((payload) => payload.type === type && payload.data.name === name)
    while (!isTold()) await once(receiver, 'told')
  }

  const sentAs = (message: Received | undefined) =>
    received.filter(({ body }) => body === message?.body)
  const payloads = (): readonly Payload[] =>
    received.filter(({ answered }) => answered === 204).map(({ body }) => JSON.parse(body))
  const storyOf = (name: string) =>
    payloads()
      .filter(({ type, data }) => data.name === name && type !== 'staple.stored')
      .map(({ type }) => type)

  it('that a certificate fails, when its staple is at risk, and that it does no longer', () => {
    expect(storyOf('failing.test')).toEqual(['certificate.failing', 'certificate.recovered'])
    const { data } = payloads().find(({ type }) => type === 'certificate.failing') ?? {}
    expect(data).toMatchObject({
      mustStaple: false,
      fingerprint: expect.stringMatching(/^[\da-f]{64}$/),
      reason: expect.stringMatching(/tryLater.*; the staple in hand lasts until /),
      usableUntil: expect.stringMatching(/^\d{4}-/),
    })
  })

  it('that a certificate is revoked and its staple withdrawn', () => {
    expect(storyOf('revoked.test').toSorted()).toEqual(['certificate.revoked', 'staple.withdrawn'])
  })

  it('by webhooks that are signed as Standard Webhooks says', () => {
    for (const { headers, body } of received) {
      const content = [headers['webhook-id'], headers['webhook-timestamp'], body].join('.')
      const signature = createHmac('sha256', key).update(content).digest('base64')
      expect(headers['webhook-signature']).toBe(`v1,${signature}`)
      expect(headers['content-type']).toBe('application/json')
    }
  })

  it('again where the receiver was away, as the same message', () => {
    const [first] = received
    expect(first?.answered).toBe(503)
    const same = sentAs(first)
    expect(same.map(({ answered }) => answered)).toEqual([503, 204])
    expect(new Set(same.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  it('by commands, with the facts in the environment and on standard input', async () => {
    const lines = (await readFile(join(folder, 'told'), 'utf8')).trim().split('\n')
    const told = lines.filter((line) => !line.startsWith('{'))
    expect(told.toSorted()).toEqual([
      'certificate.failing failing.test',
      'certificate.recovered failing.test',
      'certificate.revoked revoked.test',
    ])
    const read: Payload[] = lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
    const facts = read.map(({ type, data }) => `${type} ${data.name}`)
    expect(facts.toSorted()).toEqual(told.toSorted())
  })

  it('and in its log what a failing command said', () => {
    const line = everstaple.program.output().match(/.*"event":"alertFailed".*no pager.*/)?.[0]
    expect(JSON.parse(line ?? '{}')).toMatchObject({
      type: 'certificate.failing',
      certificate: 'failing.test',
      problem: 'exit status 3',
      output: 'no pager',
    })
  })

  it('and after a crash once more of what is revoked', async () => {
    const before = received.length
    await everstaple.program.stop('SIGKILL')
    everstaple = await startEverstaple(folder, config)
    const again = () =>
      received.slice(before).filter(({ body }) => body.includes('certificate.revoked'))
    while (again().length === 0) await once(receiver, 'told')
    expect(again()).toHaveLength(1)
    expect(JSON.parse(again()[0]?.body ?? '{}').data.name).toBe('revoked.test')
  })
})

/** Answers the first request with 503, all others with 204, and emits `told` after each. */
async function startReceiver(received: Received[]): Promise<Server> {
  const server = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      const answered = received.length === 0 ? 503 : 204
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), answered })
      response.writeHead(answered).end()
      server.emit('told')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
