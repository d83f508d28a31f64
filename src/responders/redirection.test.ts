import { describe, expect, it } from 'vitest'
import { systemClock } from '../time/clock.ts'
import { failure, get, text } from './_exchange.ts'
import { allowing, httpServer, testTransport } from './_servers.ts'

describe('redirects', () => {
  async function redirecting(statusCode: number, location: (path: string) => string | undefined) {
    return httpServer((request, response, body) => {
      const to = location(request.url ?? '')
      if (to !== undefined) response.writeHead(statusCode, { Location: to })
      response.end(`${request.method} ${request.url} ${body.toString('hex')}`)
    })
  }
  const post = { method: 'POST', body: Uint8Array.of(0x30, 0x00) } as const

  it.each([301, 302, 307, 308])('%d keeps the method and the body', async (statusCode) => {
    await using server = await redirecting(statusCode, (path) =>
      path === '/a' ? '/b%2F%2f//c' : undefined,
    )
    await using transport = testTransport()
    expect(text(await transport.send(get(`${server.origin}/a`)))).toBe('GET /b%2F%2f//c ')
    expect(text(await transport.send(get(`${server.origin}/a`, post)))).toBe(
      'POST /b%2F%2f//c 3000',
    )
  })

  it.each([
    [302, 'https://secure.test/', 'redirected to "https://secure.test/": only http: is followed'],
    [302, 'file:///etc/passwd', 'redirected to "file:///etc/passwd": only http: is followed'],
    [303, '/b', 'redirected by 303 to "/b"'],
  ])('%d to %s stops', async (statusCode, location, problem) => {
    await using server = await redirecting(statusCode, () => location)
    await using transport = testTransport()
    expect(failure(await transport.send(get(server.origin)))).toEqual(['redirect', problem])
  })

  it('stops after three', async () => {
    await using server = await redirecting(302, (path) => `${path}x`)
    await using transport = testTransport()
    expect(failure(await transport.send(get(`${server.origin}/`)))).toEqual([
      'redirect',
      `redirected more than 3 times, last to "${server.origin}/xxxx"`,
    ])
  })

  it.each(['http://127.0.0.2/', '//127.0.0.2/', 'http://2130706434/'])(
    'to an address that is not allowed stops: %s',
    async (location) => {
      await using server = await redirecting(302, () => location)
      await using transport = testTransport({ allowed: allowing('127.0.0.1') })
      const [cause, problem] = failure(await transport.send(get(server.origin)))
      expect(cause).toBe('refused')
      expect(problem).toMatch(/^redirected to http:\/\/.*: address 127\.0\.0\.2 is loopback/)
    },
  )

  it('without a Location is a response like any other', async () => {
    await using server = await httpServer((_, response) => response.writeHead(302).end())
    await using transport = testTransport()
    expect(await transport.send(get(server.origin))).toMatchObject({ statusCode: 302 })
  })
})

describe('Retry-After', () => {
  const clock = { ...systemClock, now: () => Date.UTC(2026, 10, 24, 4) as never }

  it.each([
    ['30', 30_000],
    ['0', 0],
    ['Tue, 24 Nov 2026 04:01:00 GMT', 60_000],
    ['Tue, 24 Nov 2026 03:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
  ])('%s', async (value, expected) => {
    await using server = await httpServer((_, response) =>
      response.writeHead(503, { 'Retry-After': value }).end(),
    )
    await using transport = testTransport({ clock })
    const result = await transport.send(get(server.origin))
    expect(result.kind === 'response' && result.headers.retryAfter).toBe(expected)
  })
})
