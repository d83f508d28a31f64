import type { LookupAddress } from 'node:dns'
import type { LookupFunction, Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { durationMs } from '../der/time.ts'
import { failure, get, text } from './_exchange.ts'
import { allowing, httpServer, rawServer, testTransport } from './_servers.ts'

describe('what UndiciTransport sends', () => {
  it.each([
    ['', '/'],
    ['/', '/'],
    ['//a//b/', '//a//b/'],
    ['/a/../b/./c', '/a/../b/./c'],
    ['/%2F%2f%2B%3D', '/%2F%2f%2B%3D'],
    ['/A?x=%41&y=/../#fragment', '/A?x=%41&y=/../'],
    ['?q', '/?q'],
    ["/a|b^c`d{e}f\\g'h", "/a|b^c`d{e}f\\g'h"],
  ])('the path of %j is %j in the request line', async (path, expected) => {
    await using server = await rawServer((socket, received) => {
      const line = received.split('\r\n', 1)[0] ?? ''
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${line.length}\r\n\r\n${line}`)
    })
    await using transport = testTransport()
    expect(text(await transport.send(get(server.origin + path)))).toBe(`GET ${expected} HTTP/1.1`)
  })

  it('a GET with Host and without Expect, cookies or an encoding to undo', async () => {
    await using server = await httpServer((request, response) => {
      response.end(JSON.stringify(request.headers))
    })
    await using transport = testTransport()
    expect(JSON.parse(text(await transport.send(get(`${server.origin}/`))))).toEqual({
      host: `127.0.0.1:${server.port}`,
      connection: 'keep-alive',
      accept: 'application/ocsp-response, */*;q=0.1',
      'accept-encoding': 'identity',
      'user-agent': 'everstaple/1.2.3',
    })
  })

  it('a POST with its type and exact length, not chunked', async () => {
    await using server = await httpServer(({ method, headers }, response, body) => {
      const { 'transfer-encoding': chunked, expect: expecting } = headers
      const seen = [method, headers['content-type'], headers['content-length'], chunked, expecting]
      response.end(JSON.stringify([...seen, body.toString('hex')]))
    })
    await using transport = testTransport()
    const body = Uint8Array.of(0x30, 0x00, 0xff)
    const result = await transport.send(get(server.origin, { method: 'POST', body }))
    expect(JSON.parse(text(result))).toEqual([
      'POST',
      'application/ocsp-request',
      '3',
      null,
      null,
      '3000ff',
    ])
  })
})

describe('what UndiciTransport makes of a response', () => {
  it('gives status, body, address and the header fields that matter', async () => {
    await using server = await httpServer((_, response) => {
      response.writeHead(503, {
        'Content-Type': 'text/html',
        'Retry-After': '120',
        'Cache-Control': 'no-store',
        Age: '7',
        Date: 'Tue, 24 Nov 2026 04:00:00 GMT',
        ETag: '"x"',
        Server: 'sick',
      })
      response.end('down')
    })
    await using transport = testTransport()
    const result = await transport.send(get(server.origin))
    expect(result).toEqual({
      kind: 'response',
      statusCode: 503,
      body: new Uint8Array(Buffer.from('down')),
      remoteAddress: '127.0.0.1',
      elapsed: expect.any(Number),
      headers: {
        contentType: 'text/html',
        retryAfter: 120_000,
        cacheControl: 'no-store',
        age: '7',
        date: 'Tue, 24 Nov 2026 04:00:00 GMT',
        etag: '"x"',
        server: 'sick',
      },
    })
  })

  it.each([
    ['HTTP/1.0, closed at its end', 'HTTP/1.0 200 OK\r\n\r\nbody'],
    ['closed at its end', 'HTTP/1.1 200 OK\r\n\r\nbody'],
    ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n'],
    ['identity', 'HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n\r\nbody'],
  ])('takes a body that is %s', async (_, wire) => {
    await using server = await rawServer((socket) => socket.end(wire))
    await using transport = testTransport()
    expect(text(await transport.send(get(server.origin)))).toBe('body')
  })

  it.each<[string, (socket: Socket) => void, string, RegExp]>([
    [
      'gzip that nobody asked for',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n')
        socket.end(gzipSync('body'))
      },
      'protocol',
      /Content-Encoding "gzip" although only identity/,
    ],
    [
      'fewer bytes than Content-Length says',
      (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbody'),
      'protocol',
      /^the exchange broke off: other side closed/,
    ],
    [
      'a connection closed within the header',
      (socket) => socket.end('HTTP/1.1 200 O'),
      'protocol',
      /^the exchange broke off: /,
    ],
    [
      'a connection closed without a byte',
      (socket) => socket.end(),
      'protocol',
      /^the exchange broke off: other side closed/,
    ],
    [
      'a reset within the body',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbody', () =>
          socket.resetAndDestroy(),
        )
      },
      'protocol',
      /^the exchange broke off: /,
    ],
    [
      'something that is not HTTP',
      (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
      'protocol',
      /^the exchange broke off: Response does not match the HTTP/,
    ],
  ])('says what is wrong with %s', async (_, converse, cause, problem) => {
    await using server = await rawServer(converse)
    await using transport = testTransport()
    const seen = failure(await transport.send(get(server.origin)))
    expect(seen).toEqual([cause, expect.stringMatching(problem)])
  })

  it.each(['Content-Length: 1001\r\n', ''])(
    'cuts a body that is too large (%j)',
    async (header) => {
      await using server = await rawServer((socket) => {
        socket.end(`HTTP/1.1 200 OK\r\n${header}\r\n${'x'.repeat(1_001)}`)
      })
      await using transport = testTransport({ limits: { maxBodyBytes: 1_000 } })
      expect(failure(await transport.send(get(server.origin)))).toEqual([
        'too-large',
        'the body has more than 1000 bytes',
      ])
    },
  )

  it('takes a body of exactly the limit', async () => {
    await using server = await httpServer((_, response) => response.end('x'.repeat(1_000)))
    await using transport = testTransport({ limits: { maxBodyBytes: 1_000 } })
    expect(text(await transport.send(get(server.origin)))).toHaveLength(1_000)
  })

  it('stops reading an endless body', async () => {
    await using server = await httpServer((_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(16_384)));
      }
      response.on('drain', more)
      more()
    })
    await using transport = testTransport()
    expect(failure(await transport.send(get(server.origin)))[0]).toBe('too-large')
  })
})

describe('how long UndiciTransport waits', () => {
  const limits = { totalTimeout: durationMs(60) }

  it('the total for a server that is silent', async () => {
    await using server = await rawServer(() => {})
    await using transport = testTransport({ limits })
    expect(failure(await transport.send(get(server.origin)))).toEqual([
      'timeout',
      'no complete response within 60ms',
    ])
  })

  it('the total for a body that drips, however steadily', async () => {
    let drip: NodeJS.Timeout | undefined
    await using server = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
      drip = setInterval(() => socket.write('x'), 5)
    })
    await using transport = testTransport({ limits })
    const result = await transport.send(get(server.origin))
    clearInterval(drip)
    expect(failure(result)[0]).toBe('timeout')
  })

  it('the total for a name that is not resolved', async () => {
    await using transport = testTransport({ limits, lookup: () => {} })
    expect(failure(await transport.send(get('http://slow.test/')))[0]).toBe('timeout')
  })

  it('the shorter time for connecting', async () => {
    const connectTimeout = durationMs(20)
    await using transport = testTransport({ limits: { connectTimeout }, lookup: () => {} })
    expect(failure(await transport.send(get('http://slow.test/')))).toEqual([
      'timeout',
      'connect timed out after 20ms',
    ])
  })

  it('not at all when it is aborted, before or meanwhile', async () => {
    await using server = await rawServer(() => {})
    await using transport = testTransport()
    const stop = new AbortController()
    const sent = transport.send(get(server.origin, { signal: stop.signal }))
    stop.abort()
    expect(failure(await sent)[0]).toBe('aborted')
    expect(failure(await transport.send(get(server.origin, { signal: stop.signal })))[0]).toBe(
      'aborted',
    )
  })

  it('not at all when the transport is closed', async () => {
    await using server = await rawServer(() => {})
    const transport = testTransport()
    const kept = transport.send(get(server.origin))
    const fresh = transport.send(get(server.origin, { connection: 'fresh' }))
    await transport[Symbol.asyncDispose]()
    expect([failure(await kept)[0], failure(await fresh)[0]]).toEqual(['aborted', 'aborted'])
    expect(failure(await transport.send(get(server.origin)))[0]).toBe('aborted')
  })
})

describe('which connection UndiciTransport uses', () => {
  it('keeps one, and makes a new one for each fresh request', async () => {
    await using server = await httpServer((_, response) => response.end('ok'))
    await using transport = testTransport()
    const connectionsAfter = async (connection: 'kept' | 'fresh') => {
      expect(text(await transport.send(get(server.origin, { connection })))).toBe('ok')
      // undici gives a connection back a moment after the last byte.
      await turn()
      return server.connections()
    }
    expect([
      await connectionsAfter('kept'),
      await connectionsAfter('kept'),
      await connectionsAfter('fresh'),
      await connectionsAfter('fresh'),
      await connectionsAfter('kept'),
    ]).toEqual([1, 1, 2, 3, 3])
  })

  it('opens no more to one origin than the limit', async () => {
    await using server = await httpServer((_, response) => response.end('ok'))
    await using transport = testTransport({ limits: { maxConnectionsPerOrigin: 2 } })
    await Promise.all(Array.from({ length: 20 }, () => transport.send(get(server.origin))))
    expect(server.connections()).toBe(2)
  })

  it('says which address answered, for each of several at once', async () => {
    await using server = await httpServer((request, response) => {
      setImmediate(() => response.end(request.headers.host))
    })
    await using transport = testTransport({ lookup: resolving('127.0.0.1') })
    const urls = [server.origin, `http://name.test:${server.port}`]
    for (const connection of ['kept', 'fresh'] as const) {
      const sent = urls.map((url) => transport.send(get(url, { connection })))
      expect(await Promise.all(sent)).toMatchObject([
        { remoteAddress: '127.0.0.1' },
        { remoteAddress: '127.0.0.1' },
      ])
    }
  })

  it('says that nobody listens', async () => {
    const server = await httpServer((_, response) => response.end())
    await server[Symbol.asyncDispose]()
    await using transport = testTransport()
    expect(failure(await transport.send(get(server.origin)))).toEqual([
      'connect',
      expect.stringContaining('ECONNREFUSED'),
    ])
  })

  it('says that a name does not resolve', async () => {
    const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND no.test'), {
      code: 'ENOTFOUND',
      syscall: 'getaddrinfo',
    })
    await using transport = testTransport({ lookup: (_, __, callback) => callback(unknown, []) })
    expect(failure(await transport.send(get('http://no.test/')))).toEqual([
      'dns',
      'the host name could not be resolved: getaddrinfo ENOTFOUND no.test',
    ])
  })
})

describe('the address screen of UndiciTransport', () => {
  it.each(['http://127.0.0.1:PORT/', 'http://2130706433:PORT/', 'http://[::ffff:127.0.0.1]:PORT/'])(
    'refuses %s without connecting',
    async (url) => {
      await using server = await httpServer((_, response) => response.end())
      await using transport = testTransport({ allowed: allowing() })
      const [cause, problem] = failure(
        await transport.send(get(url.replace('PORT', String(server.port)))),
      )
      expect([cause, server.connections()]).toEqual(['refused', 0])
      expect(problem).toMatch(
        /^address \S+ is loopback .*: if this responder is meant, add it to responders.allowAddresses$/,
      )
    },
  )

  it('refuses a name of which no address is public', async () => {
    await using server = await httpServer((_, response) => response.end())
    await using transport = testTransport({
      allowed: allowing(),
      lookup: resolving('127.0.0.1', '10.0.0.1'),
    })
    expect(failure(await transport.send(get(`http://inside.test:${server.port}/`)))).toEqual([
      'refused',
      'inside.test has no address that may be asked: address 127.0.0.1 is loopback (127.0.0.0/8): if this responder is meant, add it to responders.allowAddresses',
    ])
    expect(server.connections()).toBe(0)
  })

  it('connects to the good addresses of a name only', async () => {
    await using server = await httpServer((_, response) => response.end('ok'))
    await using transport = testTransport({
      allowed: allowing('127.0.0.1'),
      lookup: resolving('127.0.0.2', '169.254.169.254', '127.0.0.1'),
    })
    const result = await transport.send(get(`http://mixed.test:${server.port}/`))
    expect(result).toMatchObject({ kind: 'response', remoteAddress: '127.0.0.1' })
  })

  it('refuses localhost as the system resolves it', async () => {
    await using server = await httpServer((_, response) => response.end())
    await using transport = testTransport({ allowed: allowing() })
    const [cause] = failure(await transport.send(get(`http://localhost:${server.port}/`)))
    expect([cause, server.connections()]).toEqual(['refused', 0])
  })

  it('refuses a connection that came to stand with another address than was screened', async () => {
    let asked = 0
    // As the list changing between look-up and connect: only the check after connecting can see it.
    const allowed = { has: () => ++asked <= 1 }
    await using server = await httpServer((_, response) => response.end())
    await using transport = testTransport({ allowed, lookup: resolving('127.0.0.1') })
    const [cause] = failure(await transport.send(get(`http://rebound.test:${server.port}/`)))
    expect(cause).toBe('refused')
  })
})

function resolving(...addresses: readonly string[]): LookupFunction {
  const found: LookupAddress[] = addresses.map((address) => ({ address, family: 4 }))
  return (_, __, callback) => callback(null, found)
}
