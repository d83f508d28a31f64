import { createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import {
  createSecureContext,
  createServer as createTlsServer,
  type Server,
  type TlsOptions,
} from 'node:tls'
import { describe, expect, it, test, vi } from 'vitest'
import { startHttp } from '../serve/http.ts'
import type { StapleSource } from '../serve/ocsp-endpoint.ts'
import { systemClock } from '../time/clock.ts'
import {
  credentials,
  ecdsaLeaf,
  handshake,
  judged,
  listening,
  pki,
  responseFor,
  rsaLeaf,
  stapled,
  staplesOf,
} from './_setup.ts'
import { everstaple, NotStapledError } from './everstaple.ts'
import { stapleFrom } from './staple-from.ts'

const service = (staples: StapleSource, port = 0) =>
  startHttp({
    listen: { host: '127.0.0.1', port },
    staples,
    readiness: { readiness: () => Promise.resolve({ managed: 0, stapled: 0, missing: [] }) },
    clock: systemClock,
    events: { requestFailed: () => {} },
  })

/** Catches what is warned of until it is disposed of. */
function warnings() {
  const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  return {
    codes: () => emitted.mock.calls.map(([, options]) => (options as { code: string }).code),
    [Symbol.dispose]: () => emitted.mockRestore(),
  }
}

describe('stapleFrom(everstaple()) staples from the first handshake on', () => {
  test.each<[string, (options: TlsOptions) => Server]>([
    ['tls', (options) => createTlsServer(options)],
    ['https', (options) => createHttpsServer(options)],
    ['http2', (options) => createSecureServer(options)],
  ])('in a %s server', async (_name, create) => {
    await using http = await service(staplesOf(ecdsaLeaf))
    using staples = everstaple({ url: http.url })
    await using server = await listening(create(credentials(ecdsaLeaf)))
    stapleFrom(server, staples)
    for (let handshake = 0; handshake < 3; handshake += 1) {
      const staple = await stapled(server, 'ecdsa.example')
      expect(judged(ecdsaLeaf, staple ?? Buffer.alloc(0)).status).toBe('good')
    }
  })

  test('for an RSA and an ECDSA certificate in contexts of their own', async () => {
    await using http = await service(staplesOf(rsaLeaf, ecdsaLeaf))
    using staples = everstaple({ url: http.url })
    const contexts = new Map([
      ['rsa.example', createSecureContext(credentials(rsaLeaf))],
      ['ecdsa.example', createSecureContext(credentials(ecdsaLeaf))],
    ])
    await using server = await listening(
      createTlsServer({
        ...credentials(rsaLeaf),
        SNICallback: (name, done) => done(null, contexts.get(name)),
      }),
    )
    stapleFrom(server, staples)
    const [rsa, ecdsa] = await Promise.all([
      stapled(server, 'rsa.example'),
      stapled(server, 'ecdsa.example'),
    ])
    expect(judged(rsaLeaf, rsa ?? Buffer.alloc(0)).status).toBe('good')
    expect(judged(ecdsaLeaf, ecdsa ?? Buffer.alloc(0)).status).toBe('good')
  })

  test('and goes on while the service is away', async () => {
    const http = await service(staplesOf(ecdsaLeaf))
    using staples = everstaple({ url: http.url })
    await using server = await listening(createTlsServer(credentials(ecdsaLeaf)))
    stapleFrom(server, staples)
    const first = await stapled(server, 'ecdsa.example')
    await http[Symbol.asyncDispose]()
    expect(await stapled(server, 'ecdsa.example')).toEqual(first)
    expect(first).toBeDefined()
  })
})

describe('a resumed session', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'goes without a staple, asks for none and harms none, with %s',
    async (maxVersion) => {
      let asked = 0
      const staple = () => {
        asked += 1
        return responseFor(ecdsaLeaf)
      }
      await using server = await listening(
        createTlsServer({ ...credentials(ecdsaLeaf), maxVersion }),
      )
      stapleFrom(server, { staple })
      const first = await handshake(server)
      const resumed = await handshake(server, first.session)
      const another = await handshake(server)
      expect(first).toMatchObject({ isReused: false, staple: expect.any(Buffer) })
      expect(resumed).toMatchObject({ isReused: true, staple: undefined })
      expect(another).toMatchObject({ isReused: false, staple: expect.any(Buffer) })
      expect(asked).toBe(2)
    },
  )
})

describe('a handshake succeeds without a staple', () => {
  it('where the service does not manage the certificate, and says so once', async () => {
    using warned = warnings()
    await using http = await service(staplesOf())
    using staples = everstaple({ url: http.url })
    await using server = await listening(createTlsServer(credentials(ecdsaLeaf)))
    stapleFrom(server, staples)
    expect(await stapled(server, 'ecdsa.example')).toBeUndefined()
    expect(await stapled(server, 'ecdsa.example')).toBeUndefined()
    expect(warned.codes()).toEqual(['EVERSTAPLE_UNSTAPLED'])
  })

  it('where nothing answers', async () => {
    using warned = warnings()
    const gone = await service(staplesOf())
    await gone[Symbol.asyncDispose]()
    using staples = everstaple({ url: gone.url })
    await using server = await listening(createTlsServer(credentials(ecdsaLeaf)))
    stapleFrom(server, staples)
    expect(await stapled(server, 'ecdsa.example')).toBeUndefined()
    expect(warned.codes()).toEqual(['EVERSTAPLE_UNSTAPLED'])
  })

  it('where the server has no issuer beside its certificate, and says so once', async () => {
    using warned = warnings()
    const { key, pem: cert } = { key: ecdsaLeaf.keyPem, pem: ecdsaLeaf.pem }
    await using server = await listening(createTlsServer({ key, cert }))
    stapleFrom(server, { staple: () => responseFor(ecdsaLeaf) })
    // The client knows the issuer itself: the server does not send it.
    const handshake = () => stapled(server, 'ecdsa.example', pki.issuer.pem + pki.root.pem)
    expect(await handshake()).toBeUndefined()
    expect(await handshake()).toBeUndefined()
    expect(warned.codes()).toEqual(['EVERSTAPLE_NO_ISSUER'])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['has none', () => undefined],
  ])('where a source of staples %s', async (_name, staple) => {
    await using server = await listening(createTlsServer(credentials(ecdsaLeaf)))
    stapleFrom(server, { staple })
    expect(await stapled(server, 'ecdsa.example')).toBeUndefined()
  })

  it('once the stapling is disposed of', async () => {
    await using server = await listening(createTlsServer(credentials(ecdsaLeaf)))
    const stapling = stapleFrom(server, { staple: () => responseFor(ecdsaLeaf) })
    expect(await stapled(server, 'ecdsa.example')).toBeDefined()
    stapling[Symbol.dispose]()
    expect(await stapled(server, 'ecdsa.example')).toBeUndefined()
  })
})

describe('ready()', () => {
  it('resolves once the staple is there, also when the service starts later', async () => {
    using _warned = warnings()
    const gone = await service(staplesOf())
    await gone[Symbol.asyncDispose]()
    using staples = everstaple({ url: gone.url })
    const ready = staples.ready(ecdsaLeaf.pem + pki.issuer.pem)
    await using _http = await service(staplesOf(ecdsaLeaf), gone.address.port)
    await ready
    expect(staples.staple(ecdsaLeaf.der, pki.issuer.der)).toBeInstanceOf(Uint8Array)
  })

  it('rejects when the time is over', async () => {
    await using http = await service(staplesOf())
    using staples = everstaple({ url: http.url })
    const ready = staples.ready(ecdsaLeaf.pem + pki.issuer.pem, { timeoutMs: 1 })
    await expect(ready).rejects.toThrow(NotStapledError)
    await expect(ready).rejects.toThrow(`no staple from ${http.url} within 1 ms; see whether`)
  })

  it('keeps the server of a must-staple certificate from listening until it is stapled', async () => {
    using _warned = warnings()
    const statusRequest = 5
    const mustStaple = pki.issueLeaf({
      ...{ dnsNames: ['must.example'], tlsFeatures: [statusRequest] },
    })
    const server = createTlsServer(credentials(mustStaple))
    const start = async (source: StapleSource) => {
      await using http = await service(source)
      using staples = everstaple({ url: http.url })
      stapleFrom(server, staples)
      await staples.ready(credentials(mustStaple).cert, { timeoutMs: 300 })
      await using started = await listening(server)
      return await stapled(started, 'must.example')
    }
    await expect(start(staplesOf(rsaLeaf))).rejects.toThrow(NotStapledError)
    expect(server.listening).toBe(false)
    expect(await start(staplesOf(mustStaple))).toBeDefined()
  })

  it('rejects a PEM without the issuer', async () => {
    using staples = everstaple({ url: 'http://127.0.0.1:1' })
    await expect(staples.ready(ecdsaLeaf.pem)).rejects.toThrow('then its issuer')
  })
})

describe('everstaple()', () => {
  test.each(['', '/', '/ocsp', '/ocsp/'])('finds the endpoint with the path %j', async (path) => {
    await using http = await service(staplesOf(ecdsaLeaf))
    using staples = everstaple({ url: http.url + path })
    await expect(staples.ready(ecdsaLeaf.pem + pki.issuer.pem)).resolves.toBeUndefined()
  })

  it('refuses what is not a URL', () => {
    expect(() => everstaple({ url: 'localhost' })).toThrow('Invalid URL')
  })
})
