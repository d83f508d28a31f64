import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { systemClock } from '../time/clock.ts'
import { base64, malformedRequest, request, staple, staples, unauthorized } from './_setup.ts'
import type { Readiness } from './health.ts'
import { type HttpListener, type HttpOptions, startHttp } from './http.ts'
import { ListenError } from './listen-address.ts'

let readiness: Readiness = { managed: 1, stapled: 1, missing: [] }
const failures: unknown[] = []

const options: HttpOptions = {
  listen: { host: '127.0.0.1', port: 0 },
  staples,
  readiness: { readiness: () => Promise.resolve(readiness) },
  clock: systemClock,
  events: { requestFailed: (failure) => failures.push(failure) },
}

let http: HttpListener
beforeAll(async () => {
  http = await startHttp(options)
})
afterAll(() => http[Symbol.asyncDispose]())

/** Sends bytes as they are and reads to the end of the connection. */
async function exchange(bytes: string | Uint8Array): Promise<Buffer> {
  const socket = connect(http.address.port, http.address.host)
  socket.write(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function bodyOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

describe('the staple of a managed certificate comes by', () => {
  test.each([
    ['GET, percent-encoded', `/ocsp/${encodeURIComponent(base64)}`],
    ['GET, as it is', `/ocsp/${base64}`],
    ['GET at the root', `/${encodeURIComponent(base64)}`],
  ])('%s', async (_name, path) => {
    const response = await fetch(http.url + path)
    expect(await bodyOf(response)).toEqual(Buffer.from(staple.der))
    expect(response.headers.get('content-type')).toBe('application/ocsp-response')
    expect(response.headers.get('cache-control')).toContain('must-revalidate')
  })

  test.each(['/ocsp', '/ocsp/', '/'])('POST %s', async (path) => {
    const headers = { 'Content-Type': 'application/ocsp-request' }
    const response = await fetch(http.url + path, { method: 'POST', body: request, headers })
    expect(await bodyOf(response)).toEqual(Buffer.from(staple.der))
  })

  it('GET in HTTP/1.0 with a Host, as nginx asks', async () => {
    const answer = await exchange(
      `GET /${encodeURIComponent(base64)} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n`,
    )
    expect(answer.subarray(0, 15).toString()).toBe('HTTP/1.1 200 OK')
    expect(answer.subarray(-staple.der.length)).toEqual(Buffer.from(staple.der))
    expect(answer.toString('latin1')).toContain(`\r\nContent-Length: ${staple.der.length}\r\n`)
  })

  it('POST in HTTP/1.0 without a Host', async () => {
    const head = `POST /ocsp/ HTTP/1.0\r\nContent-Length: ${request.length}\r\n\r\n`
    const answer = await exchange(Buffer.concat([Buffer.from(head), request]))
    expect(answer.subarray(-staple.der.length)).toEqual(Buffer.from(staple.der))
  })
})

describe('the OCSP endpoint', () => {
  it('answers a repeated question with 304 and no body', async () => {
    const url = `${http.url}/ocsp/${encodeURIComponent(base64)}`
    const first = await fetch(url)
    const headers = { 'If-None-Match': first.headers.get('etag') ?? '' }
    const second = await fetch(url, { headers })
    expect(second.status).toBe(304)
    expect(await bodyOf(second)).toHaveLength(0)
  })

  it('answers HEAD with the header fields alone', async () => {
    const url = `${http.url}/ocsp/${encodeURIComponent(base64)}`
    const response = await fetch(url, { method: 'HEAD' })
    expect(response.headers.get('content-length')).toBe(String(staple.der.length))
    expect(await bodyOf(response)).toHaveLength(0)
  })

  it('answers unauthorized for a foreign certificate', async () => {
    const foreign = Buffer.from(request)
    foreign[foreign.length - 1] = (foreign.at(-1) ?? 0) ^ 1
    const response = await fetch(`${http.url}/ocsp`, { method: 'POST', body: foreign })
    expect(await bodyOf(response)).toEqual(unauthorized)
  })

  it('answers malformedRequest for what is none', async () => {
    const response = await fetch(`${http.url}/ocsp/hello`)
    expect(await bodyOf(response)).toEqual(malformedRequest)
  })

  it('allows no PUT', async () => {
    const response = await fetch(`${http.url}/ocsp/`, { method: 'PUT', body: 'x' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD, POST')
  })

  it('reads no more than 4 KiB of a POST', async () => {
    const head = 'POST /ocsp/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n'
    const answer = await exchange(head + 'x'.repeat(5000))
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('answers 503, tells why and goes on when the staples cannot be read', async () => {
    const broken = {
      ...options,
      staples: { byCertIDKey: () => Promise.reject(new Error('disk gone')) },
    }
    await using other = await startHttp(broken)
    const response = await fetch(`${other.url}/ocsp`, { method: 'POST', body: request })
    expect(response.status).toBe(503)
    expect(failures.at(-1)).toEqual({ url: '/ocsp', error: new Error('disk gone') })
    expect((await fetch(`${other.url}/healthz`)).status).toBe(200)
  })

  it('keeps the connection between requests of a client that does', async () => {
    const socket = connect(http.address.port, http.address.host)
    const get = `GET /ocsp/${encodeURIComponent(base64)} HTTP/1.1\r\nHost: x\r\n\r\n`
    const seen: Buffer[] = []
    socket.on('data', (chunk) => seen.push(chunk))
    socket.write(get + get + get.replace('Host', 'Connection: close\r\nHost'))
    await once(socket, 'end')
    const answers = Buffer.concat(seen).toString('latin1').split('HTTP/1.1 200 OK')
    expect(answers).toHaveLength(4)
  })
})

describe('health', () => {
  it('/healthz is 200 as long as the process answers', async () => {
    const response = await fetch(`${http.url}/healthz`)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('ok\n')
  })

  it('/readyz is 200 once every certificate has a staple', async () => {
    readiness = { managed: 3, stapled: 3, missing: [] }
    const response = await fetch(`${http.url}/readyz`)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ ready: true, managed: 3, stapled: 3, missing: 0 })
  })

  it('/readyz is 503 with the first ten names while some are missing', async () => {
    const missing = Array.from({ length: 12 }, (_, i) => `host${i}.example`)
    readiness = { managed: 30, stapled: 18, missing }
    const response = await fetch(`${http.url}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({
      ready: false,
      managed: 30,
      stapled: 18,
      missing: 12,
      firstMissing: missing.slice(0, 10),
    })
  })

  it('/readyz is 500 and tells why when the store cannot be asked, without the query', async () => {
    const broken = { readiness: () => Promise.reject(new Error('store gone')) }
    await using other = await startHttp({ ...options, readiness: broken })
    expect((await fetch(`${other.url}/readyz?token=secret`)).status).toBe(500)
    expect(failures.at(-1)).toEqual({ url: '/readyz', error: new Error('store gone') })
  })

  it('anything else is 404', async () => {
    const response = await fetch(`${http.url}/nothing`)
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({ error: expect.stringMatching(/^nothing is here; /) })
  })
})

describe('where OCSP alone is answered', () => {
  it('there is OCSP and nothing else', async () => {
    await using both = await startHttp({ ...options, ocspListen: { host: '127.0.0.1', port: 0 } })
    const { ocspUrl = '' } = both
    const answer = await fetch(`${ocspUrl}/ocsp`, { method: 'POST', body: request })
    expect(await bodyOf(answer)).toEqual(Buffer.from(staple.der))
    const paths = ['/healthz', '/readyz', '/metrics', '/v1/certificates', '/v1/changes']
    const statuses = paths.map(async (path) => (await fetch(ocspUrl + path)).status)
    expect(await Promise.all(statuses)).toEqual(paths.map(() => 404))
    expect((await fetch(`${both.url}/healthz`)).status).toBe(200)
  })
})

describe('startHttp()', () => {
  it('says which port is in use and what to do', async () => {
    const taken = startHttp({ ...options, listen: http.address })
    await expect(taken).rejects.toThrow(ListenError)
    await expect(taken).rejects.toThrow(
      `port ${http.address.port} on 127.0.0.1 is in use; stop the program that has it`,
    )
  })

  it('says by which key the address for OCSP is given', async () => {
    const taken = startHttp({ ...options, ocspListen: http.address })
    await expect(taken).rejects.toThrow('or choose another port with ocspListen')
  })

  it('says that an address is not of this machine', async () => {
    const elsewhere = startHttp({ ...options, listen: { host: '192.0.2.1', port: 0 } })
    await expect(elsewhere).rejects.toThrow('192.0.2.1 is not an address of this machine')
  })

  it('lets a request under way finish when it is closed', async () => {
    const slow = Promise.withResolvers<typeof staple>()
    const asked = Promise.withResolvers<void>()
    const other = await startHttp({
      ...options,
      staples: {
        byCertIDKey() {
          asked.resolve()
          return slow.promise
        },
      },
    })
    const outgoing = httpRequest(`${other.url}/ocsp`, { method: 'POST' })
    outgoing.end(request)
    await asked.promise
    const closed = other[Symbol.asyncDispose]()
    slow.resolve(staple)
    const [response] = await once(outgoing, 'response')
    response.resume()
    expect(response.statusCode).toBe(200)
    await closed
    await expect(fetch(`${other.url}/healthz`)).rejects.toThrow('fetch failed')
  })
})
