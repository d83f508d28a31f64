import { once } from 'node:events'
import { IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import { HOUR_MS, plus } from '../../der/time.ts'
import { MemoryStore } from '../../lab/memory-store.ts'
import type { GivenCertificate } from '../../refresh/given-certificates.ts'
import type { CertificateRecord, Entry, OutputState } from '../../store/store.ts'
import { systemClock } from '../../time/clock.ts'
import { now, pki, staple, staples } from '../_setup.ts'
import { ChangeFeed } from '../feed.ts'
import { type HttpListener, startHttp } from '../http.ts'

let http: HttpListener
let taken: GivenCertificate[] = []
let entry: Entry | undefined
let hasStaple = true
let outputs: readonly OutputState[] = []
const { certificate } = pki.leaf
const id = certificate.fingerprint

beforeAll(async () => {
  http = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    staples,
    readiness: { readiness: async () => ({ managed: 0, stapled: 0, missing: [] }) },
    clock: systemClock,
    events: { requestFailed: ({ error }) => expect.unreachable(String(error)) },
    api: {
      store: {
        entry: async (by) => ('id' in by && by.id === id ? entry : undefined),
        async *entries() {
          if (entry !== undefined) yield* [entry, entry]
        },
        ...{ putEdge: async () => {}, removeEdge: async () => {} },
        ...{ edges: async () => [], edgeStates: async () => [] },
      },
      feed: new ChangeFeed({ store: new MemoryStore(), clock: systemClock, tagsOf: () => [] }),
      tokens: { find: async () => undefined },
      staples: { byId: async () => (hasStaple ? staple : undefined) },
      given: {
        take: async (given) => {
          taken.push(given)
        },
        remove: async (which) => (which === id ? 'removed' : 'unknown'),
      },
      outputs: { settled: async () => outputs },
      isWatched: (path) => path.startsWith('/live/'),
      clock: systemClock,
    },
  })
})
afterAll(() => http[Symbol.asyncDispose]())
beforeEach(() => {
  taken = []
  outputs = []
  hasStaple = true
  entry = entryWith({})
})

describe('PUT /v1/certificates', () => {
  it('takes a chain, and answers how the certificate stands', async () => {
    const answer = await put(pki.leaf.pem + pki.issuer.pem)
    expect(answer).toMatchObject({ status: 200, body: { outcome: 'ready', missing: null } })
    expect(taken.map((each) => [each.certificate.fingerprint, each.issuer?.fingerprint])).toEqual([
      [id, pki.issuer.certificate.fingerprint],
    ])
  })

  it('tells of the outputs that have taken the staple', async () => {
    outputs = [live()]
    const { body } = await put(pki.leaf.pem)
    expect(body).toMatchObject({ certificate: { outputs: [{ place: '/a.ocsp', state: 'live' }] } })
  })

  const failed = { ...live(), state: 'failed', problem: 'disk full' } as const
  test.each([
    ['there is no staple', () => (hasStaple = false), /^no staple yet: tryLater; next attempt 20/],
    ['an output failed', () => (outputs = [failed]), /^\/a\.ocsp is failed: disk full$/],
    ['its issuer is not known', () => set({ classification: 'issuer-missing' }), /issuer is not/],
    ['it was removed', () => (entry = undefined), /no longer managed/],
  ])('answers 504 with what is missing when %s', async (_name, arrange, missing) => {
    arrange()
    const { status, body } = await put(pki.leaf.pem, '?wait=1ms')
    expect([status, body['outcome']]).toEqual([504, 'waiting'])
    expect(body['missing']).toMatch(missing)
  })

  it('answers 202 where the caller does not wait', async () => {
    hasStaple = false
    expect(await put(pki.leaf.pem)).toMatchObject({ status: 202, body: { outcome: 'waiting' } })
  })

  it('waits until a watched file was read', async () => {
    const query = '?wait=1ms&file=/live/b.pem'
    expect(await put(pki.leaf.pem, query)).toMatchObject({ status: 504 })
    set({ sources: ['/live/b.pem'] })
    expect(await put(pki.leaf.pem, query)).toMatchObject({ status: 200 })
  })

  it('does not ask outputs about a certificate that is in no file', async () => {
    outputs = [failed]
    set({ sources: ['api'] })
    expect(await put(pki.leaf.pem)).toMatchObject({ status: 200, body: { outcome: 'ready' } })
  })

  it('answers 200 for a certificate that needs none', async () => {
    hasStaple = false
    set({ classification: 'crl-only' })
    expect(await put(pki.leaf.pem)).toMatchObject({ body: { outcome: 'needs-no-staple' } })
  })

  const old = pki.issueLeaf({ notAfter: plus(now, -HOUR_MS) })
  test.each([
    ['a private key beside it', pki.leaf.pem + pki.leaf.keyPem, '', 422, /private key, which was/],
    ['a private key cut short', pki.leaf.keyPem.slice(0, 90), '', 422, /private key/],
    ['nothing', '', '', 422, /is empty/],
    ['something else', 'hello', '', 422, /neither PEM nor DER/],
    ['a CA', pki.issuer.pem, '', 422, /only of CAs/],
    ['two', pki.leaf.pem + pki.issueLeaf().pem, '', 422, /2 server certificates/],
    ['an expired one', old.pem, '', 422, /^expired at 20/],
    ['too much', 'x'.repeat(65_537), '', 413, /larger than 65536/],
    ['a wait without unit', pki.leaf.pem, '?wait=30', 400, /length of time/],
    ['a wait without end', pki.leaf.pem, '?wait=3d', 400, /at most 10m/],
  ])('refuses %s', async (_name, pem, query, statusCode, why) => {
    const { status, body } = await put(pem, query)
    expect([status, taken]).toEqual([statusCode, []])
    expect(body['error']).toMatch(why)
    expect(JSON.stringify(body)).not.toMatch(/BEGIN .*PRIVATE/)
  })
})

describe('the others', () => {
  it('lists all that is managed', async () => {
    const { status, body } = await ask('GET', '')
    expect([status, body]).toMatchObject([200, { certificates: [{ id }, { id }] }])
    entry = undefined
    expect((await ask('GET', '')).body).toEqual({ certificates: [] })
  })
  test.each([
    ['GET', id, 200],
    ['GET', id.toUpperCase(), 200],
    ['GET', 'ab12', 404],
    ['DELETE', id, 204],
    ['DELETE', 'ab12', 404],
  ])('%s %s: %i', async (method, which, statusCode) => {
    expect((await ask(method, `/${which}`)).status).toBe(statusCode)
  })
  test.each([
    ['an Origin', { Origin: 'http://evil.example' }],
    ['the Host of somebody else', { Host: 'evil.example:80' }],
  ])('refuse %s, whatever is asked', async (_name, headers) => {
    // Node.js says no length of a body with GET, and what follows is no request.
    for (const [method, sent] of [['GET'], ['PUT', pki.leaf.pem]] as const) {
      const { status, body } = await ask(method, '', { headers, ...(sent && { body: sent }) })
      expect([status, typeof body['error']]).toEqual([403, 'string'])
    }
    expect(taken).toEqual([])
  })
})

function put(body: string, query = '') {
  return ask('PUT', query, { body })
}

/** `fetch` sets Host and Origin by itself. */
async function ask(
  method: string,
  rest: string,
  sent: { readonly headers?: Record<string, string>; readonly body?: string } = {},
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const { headers = {}, body = '' } = sent
  const asked = request(`${http.url}/v1/certificates${rest}`, { method, headers }).end(body)
  const [answer] = await once(asked, 'response')
  if (!(answer instanceof IncomingMessage)) throw new Error('no answer')
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  return { status: answer.statusCode ?? 0, body: text === '' ? {} : JSON.parse(text) }
}

function set(record: Partial<CertificateRecord>): void {
  entry = entryWith(record)
}

function entryWith(record: Partial<CertificateRecord>): Entry {
  return {
    certificate: {
      id,
      der: certificate.der,
      issuer: pki.issuer.certificate.der,
      name: 'localhost',
      sources: ['/live/a.pem'],
      classification: 'ocsp',
      mustStaple: false,
      notAfter: certificate.notAfter,
      certIDKey: undefined,
      responder: 'http://ocsp.lab.test',
      ...record,
    },
    schedule: {
      dueAt: plus(now, HOUR_MS),
      reason: 'again',
      attempts: 1,
      lastAttemptAt: now,
      lastError: 'tryLater',
    },
    staple: undefined,
    former: undefined,
  }
}

function live(): OutputState {
  return {
    output: '{source}.ocsp',
    place: '/a.ocsp',
    state: 'live',
    stapleSha256: undefined,
    problem: undefined,
    since: now,
  }
}
