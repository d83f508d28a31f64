import { beforeEach, describe, expect, it } from 'vitest'
import { durationMs, epochMs, MINUTE_MS, SECOND_MS } from '../../der/time.ts'
import { SimulatedClock } from '../../time/simulated-clock.ts'
import type { TokenRecord } from '../tokens.ts'
import { FAILURES, Guard, REQUESTS } from './guard.ts'

const record: TokenRecord = { name: 'a', scope: 'read', sha256: '', createdAt: epochMs(0) }
let clock: SimulatedClock
let guard: Guard
let good: string[]
let released: number
beforeEach(() => {
  clock = new SimulatedClock(epochMs(0))
  good = ['good']
  released = 0
  guard = new Guard({
    tokens: {
      find: async (token) => {
        if (token === 'broken') throw new Error('disk gone')
        return good.includes(token) ? record : undefined
      },
    },
    listenHost: '0.0.0.0',
    clock,
    release: () => {
      released++
    },
  })
})

function from(remoteAddress: string, token?: string) {
  const headers = {
    host: '127.0.0.1',
    authorization: token === undefined ? undefined : `Bearer ${token}`,
  }
  return {
    socket: { remoteAddress, remotePort: 50_000 },
    headers,
    method: 'GET',
    url: '/v1/certificates?a=b',
  }
}

async function statuses(count: number, request: ReturnType<typeof from>) {
  const seen = new Map<number, number>()
  for (let i = 0; i < count; i++) {
    const { statusCode } = (await guard.repulse(request)) ?? { statusCode: 200 }
    seen.set(statusCode, (seen.get(statusCode) ?? 0) + 1)
  }
  return Object.fromEntries(seen)
}

describe('repulse()', () => {
  it('limits the requests of one network, with a token or without', async () => {
    const { burst, every } = REQUESTS
    expect(await statuses(burst + 5, from('192.0.2.1', 'good'))).toEqual({ 200: burst, 429: 5 })
    expect(await guard.repulse(from('192.0.2.1'))).toMatchObject({ retryAfter: every })
    expect(await statuses(1, from('192.0.2.2', 'good'))).toEqual({ 200: 1 })
    await clock.advance(durationMs(SECOND_MS))
    expect(await statuses(501, from('192.0.2.1', 'good'))).toEqual({ 200: 500, 429: 1 })
  })

  it('does not limit what this machine may do', async () => {
    expect(await statuses(20_000, from('127.0.0.1'))).toEqual({ 200: 20_000 })
  })

  it.each([
    ['another machine with a wrong token', '192.0.2.1', 'wrong', 401],
    ['another machine without a token', '192.0.2.1', undefined, 403],
    ['this machine with a wrong token', '127.0.0.1', 'wrong', 401],
  ])('limits what is refused: %s', async (_name, address, token, statusCode) => {
    const { burst } = FAILURES
    const expected = { [statusCode]: burst, 429: 5 }
    expect(await statuses(burst + 5, from(address, token))).toEqual(expected)
    expect(await statuses(1, from(address, 'good'))).toEqual({ 200: 1 })
    await clock.advance(FAILURES.every)
    expect(await statuses(2, from(address, token))).toEqual({ [statusCode]: 1, 429: 1 })
  })

  it('tells of connections over which a token was shown', async () => {
    await statuses(1, from('192.0.2.1', 'wrong'))
    await statuses(1, from('127.0.0.1'))
    expect(released).toBe(0)
    await statuses(1, from('192.0.2.1', 'good'))
    expect(released).toBe(1)
  })
})

describe('expiry()', () => {
  it('comes when the token is revoked', async () => {
    let isOver = false
    const expiry = guard.expiry(from('192.0.2.1', 'good'), new AbortController().signal)
    void expiry.then(() => {
      isOver = true
    })
    await clock.advance(durationMs(10 * MINUTE_MS))
    expect(isOver).toBe(false)
    good = []
    await clock.advance(durationMs(15 * SECOND_MS))
    expect(isOver).toBe(true)
  })

  it.each([
    ['there is no token, on this machine', from('127.0.0.1')],
    ['the tokens cannot be read', from('192.0.2.1', 'broken')],
  ])('does not come where %s', async (_name, request) => {
    const over = new AbortController()
    const expiry = guard.expiry(request, over.signal)
    await clock.advance(durationMs(10 * MINUTE_MS))
    expect(clock.sleeping).toBe(1)
    over.abort()
    await expiry
  })
})
