import { fastify } from 'fastify'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { SimulatedClock } from '../../time/simulated-clock.ts'
import { now } from '../_setup.ts'
import { missing } from '../expect-staple/_setup.ts'
import { FROM_ONE } from '../expect-staple/collector.ts'
import {
  type ExpectStapleReport,
  encodeExpectStapleReport,
  MAX_REPORT_BYTES,
} from '../expect-staple/report.ts'
import { RateLimit } from '../rate-limit.ts'
import { serveExpectStaple } from './expect-staple.ts'

const body = encodeExpectStapleReport(missing)
let collected: ExpectStapleReport[]
let app: ReturnType<typeof fastify>
beforeEach(() => {
  collected = []
  app = fastify()
  const limit = new RateLimit(new SimulatedClock(now), { fromOne: FROM_ONE })
  serveExpectStaple(app, {
    admit: (remoteAddress) => limit.admit(remoteAddress),
    async collect(report) {
      collected.push(report)
    },
  })
})
afterEach(() => app.close())

function post(text: string, type: string | undefined = 'application/json', from = '192.0.2.1') {
  const headers = { 'content-type': type }
  const request = { method: 'POST', url: '/expect-staple', headers, remoteAddress: from } as const
  return app.inject({ ...request, body: text })
}

describe('POST /v1/expect-staple', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/expect-staple-report',
  ])('takes a report as %s, from anybody', async (type) => {
    const { statusCode, headers, body: answer } = await post(body, type)
    expect([statusCode, answer]).toEqual([204, ''])
    expect(headers['access-control-allow-origin']).toBe('*')
    expect(collected).toEqual([{ ...missing, servedChain: [expect.any(Buffer)] }])
  })

  const large = `${body.slice(0, -1)},"padding":"${'a'.repeat(MAX_REPORT_BYTES)}"}`
  test.each([
    ['another type', body, 'text/plain', 415, /application\/json or/],
    ['no type', body, '', 415, /application\/json or/],
    ['too much', large, 'application/json', 413, /at most 65536 bytes/],
    ['no JSON', 'what?', 'application/json', 422, /the body/],
    ['no report', '{"hostname":"a"}', 'application/json', 422, /date-time/],
    ['nothing', '', 'application/json', 422, /the body/],
  ])('refuses %s', async (_name, text, type, status, problem) => {
    const { statusCode, body: answer } = await post(text, type)
    expect(statusCode).toBe(status)
    expect(JSON.parse(answer)).toEqual({ error: expect.stringMatching(problem) })
    expect(collected).toEqual([])
  })

  it('takes only so many from one address', async () => {
    const statuses = []
    for (let i = 0; i < 12; i++) statuses.push((await post(body)).statusCode)
    expect(statuses.filter((status) => status === 204)).toHaveLength(FROM_ONE.burst)
    expect(statuses.slice(-2)).toEqual([429, 429])
    expect((await post(body)).headers['retry-after']).toBe('6')
    expect((await post(body, 'application/json', '192.0.2.2')).statusCode).toBe(204)
  })

  it('counts what is refused too', async () => {
    for (let i = 0; i < FROM_ONE.burst; i++) await post('what?')
    expect((await post(body)).statusCode).toBe(429)
  })

  it('tells browsers beforehand that they may', async () => {
    const { statusCode, headers } = await app.inject({ method: 'OPTIONS', url: '/expect-staple' })
    expect(statusCode).toBe(204)
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'Content-Type',
    })
  })
})
