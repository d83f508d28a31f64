import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { durationMs, epochMs } from '../der/time.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { alertJson } from './alert.ts'
import { signedHeaders, webhookAgent, webhookDestination } from './webhook.ts'
import { readWebhookSecret, WebhookSecretError } from './webhook-secret.ts'

const now = epochMs(1_614_265_330_000)
const message = {
  id: 'msg_1',
  alert: {
    type: 'certificate.revoked',
    at: now,
    certificate: { id: 'ab', name: 'ü.test', mustStaple: true, sources: [] },
    reason: 'keyCompromise',
    usableUntil: undefined,
  },
} as const
/** The secret, message and signature that the libraries of the specification are tested with. */
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

let folder: string
let secretFile: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'everstaple-'))
  secretFile = join(folder, 'key')
  writeFileSync(secretFile, `${secret}\n`)
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('signedHeaders()', () => {
  it('signs as the libraries of Standard Webhooks do', async () => {
    const body = '{"test": 2432232314}'
    const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
    const key = await readWebhookSecret(secretFile)
    expect(signedHeaders({ id, body }, key, now)).toEqual({
      'webhook-id': id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })
})

describe('readWebhookSecret()', () => {
  const bytes = (n: number) => Buffer.alloc(n, 7).toString('base64')
  test.each([24, 64])('takes %d bytes in base64, prefixed or not', async (n) => {
    for (const text of [bytes(n), `whsec_${bytes(n)}\n`]) {
      writeFileSync(secretFile, text)
      expect(await readWebhookSecret(secretFile)).toHaveLength(n)
    }
  })
  test.each([
    ['', 'something else than base64'],
    ['my secret', 'something else than base64'],
    [bytes(23), 'a key of 23 bytes'],
    [bytes(65), 'a key of 65 bytes'],
  ])('refuses %j and does not repeat it', async (text, problem) => {
    writeFileSync(secretFile, text)
    const read = readWebhookSecret(secretFile)
    await expect(read).rejects.toThrow(WebhookSecretError)
    await expect(read).rejects.toThrow(`${problem}, not 24 to 64 bytes in base64; make one with`)
  })
  it('says which file is not there', async () => {
    await expect(readWebhookSecret('/no/key')).rejects.toThrow("webhook secret '/no/key' cannot")
  })
})

describe('webhookDestination()', () => {
  const failed = (problem: string) => ({ kind: 'failed', problem, output: '', again: 'yes' })
  const started = async (server: Server, scheme = 'http') => {
    const port = await portOf(server)
    const agent = webhookAgent()
    const destination = webhookDestination(
      { url: `${scheme}://127.0.0.1:${port}/hook/s3cret?a=b`, secretFile },
      { clock: { now: () => now }, agent, timeout: durationMs(500) },
    )
    return {
      port,
      destination,
      attempt: () => destination.attempt(message),
      async [Symbol.asyncDispose]() {
        await agent.destroy()
        await closed(server)
      },
    }
  }

  it('posts what it signs', async () => {
    const requests: { readonly head: IncomingMessage; readonly body: string }[] = []
    const server = createServer((head, response) => {
      void head.toArray().then((chunks) => {
        requests.push({ head, body: Buffer.concat(chunks).toString() })
        response.writeHead(204).end()
      })
    })
    await using webhook = await started(server)
    expect(await webhook.attempt()).toEqual({ kind: 'done' })
    const [{ head, body } = { head: undefined, body: '' }] = requests
    expect([head?.method, head?.url, body]).toEqual([
      'POST',
      '/hook/s3cret?a=b',
      alertJson(message.alert),
    ])
    const key = await readWebhookSecret(secretFile)
    expect(head?.headers).toMatchObject({
      'content-type': 'application/json',
      ...signedHeaders({ id: 'msg_1', body }, key, now),
    })
  })

  it('names no more of the URL than its origin: the path may be a secret', async () => {
    await using webhook = await started(createServer())
    expect(webhook.destination.to).toBe(`webhook at http://127.0.0.1:${webhook.port}`)
  })

  const answering =
    (status: number, headers = {}): RequestListener =>
    (request, response) => {
      if (request.url === '/elsewhere') throw new Error('it was followed')
      response.writeHead(status, headers).end('no')
    }
  test.each<[string, RequestListener, object]>([
    ['an error', answering(500), failed('answered 500')],
    [
      'one with a time to wait',
      answering(503, { 'retry-after': '120' }),
      { ...failed('answered 503'), retryAfter: 120_000 },
    ],
    [
      'a redirect, which it does not follow',
      answering(307, { location: '/elsewhere' }),
      failed('answered 307, which is not followed: give the URL where it is'),
    ],
    [
      'the wish to be told no more',
      answering(410),
      { ...failed('answered 410 Gone: it wants no alerts any more'), again: 'no' },
    ],
    ['silence', () => {}, failed('did not answer within 0.5 s')],
    [
      'a broken connection',
      (request) => request.socket.destroy(),
      failed('the exchange broke off: other side closed'),
    ],
  ])('reports %s', async (_, answer, result) => {
    await using webhook = await started(createServer(answer))
    expect(await webhook.attempt()).toEqual(result)
  })

  it('reads no endless answer', async () => {
    const server = createServer((_, response) => {
      const send = () => response.writable && response.write('x'.repeat(10_000), send)
      response.writeHead(200)
      send()
    })
    await using webhook = await started(server)
    expect(await webhook.attempt()).toEqual({ kind: 'done' })
  })

  it('gives nothing to a server whose certificate it cannot verify', async () => {
    const { leaf } = makeHierarchy({ now: epochMs(Date.now()), caKey: 'prime256v1' })
    let requests = 0
    const server = createTlsServer({ key: leaf.keyPem, cert: leaf.pem }, () => requests++)
    await using webhook = await started(server, 'https')
    const problem = expect.stringContaining('verify the first certificate')
    expect(await webhook.attempt()).toEqual({ ...failed(''), problem })
    expect(requests).toBe(0)
  })

  it('is tried again when its secret is gone for a while', async () => {
    await using webhook = await started(createServer(answering(200)))
    rmSync(secretFile)
    expect(await webhook.attempt()).toMatchObject({ kind: 'failed', again: 'yes' })
    writeFileSync(secretFile, secret)
    expect(await webhook.attempt()).toEqual({ kind: 'done' })
  })
})

async function portOf(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

async function closed(server: Server): Promise<void> {
  server.close()
  if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function') {
    server.closeAllConnections()
  }
  await once(server, 'close')
}
