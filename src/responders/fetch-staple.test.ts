import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { durationMs, epochMs, HOUR_MS, plus } from '../der/time.ts'
import { enumerated, sequence } from '../der/writer.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { buildResponse, type CertStatusKnob } from '../lab/response-builder.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { certID, encodeRequest } from '../ocsp/request.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { httpServer, rawServer, type TestServer, testTransport } from './_servers.ts'
import { describeFailure } from './fetch-failure.ts'
import { type FetchOptions, type FetchOutcome, fetchStaple } from './fetch-staple.ts'
import { getUrl } from './request-url.ts'

const NOW = epochMs(Date.UTC(2026, 10, 24, 4))
const lab = makeHierarchy({ now: NOW })
const certificate = lab.leaf.certificate
const issuer = lab.issuer.certificate
const request = encodeRequest(certID(certificate, issuer))

function response(certStatus: CertStatusKnob = 'good', hoursAgo = 1): Uint8Array {
  const thisUpdate = plus(NOW, -hoursAgo * HOUR_MS)
  const nextUpdate = plus(thisUpdate, 96 * HOUR_MS)
  return buildResponse({
    responses: [{ certID: { certificate, issuer }, certStatus, thisUpdate, nextUpdate }],
    signer: lab.issuer,
  })
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void

const status = (code: number, headers: Record<string, string> = {}) =>
  ((response) => response.writeHead(code, headers).end()) satisfies Answer
const body = (bytes: Uint8Array | string) => ((response) => response.end(bytes)) satisfies Answer
const reset: Answer = (response) => response.destroy()
const good = body(response())
const revoked = body(response({ revokedAt: plus(NOW, -HOUR_MS) }))
const unknown = body(response('unknown'))
const expired = body(response('good', 120))
const error = (responseStatus: number) => body(sequence(enumerated(responseStatus)))

/** Gives the answers in turn, and the last one from then on. */
function responder(...answers: readonly Answer[]): Promise<TestServer> {
  let asked = 0
  return httpServer((request, response) => {
    answers[Math.min(asked++, answers.length - 1)]?.(response, request)
  })
}

function fetchFrom(...urls: readonly string[]): Promise<FetchOutcome> {
  return fetchWith({ urls })
}

async function fetchWith(
  options: Pick<FetchOptions, 'urls' | 'first' | 'held'>,
): Promise<FetchOutcome> {
  const clock = new SimulatedClock(NOW)
  await using transport = testTransport({ clock })
  const { signal } = new AbortController()
  return await fetchStaple({
    ...{ certificate, issuer, transport, clock, signal, ...options },
    policy: defaultPolicy,
  })
}

/** Every attempt in short: `GET kept 404`. */
function steps({ attempts }: FetchOutcome): string[] {
  return attempts.map(({ method, connection, statusCode }) =>
    [method, connection, statusCode ?? '-'].join(' '),
  )
}

function problem(outcome: FetchOutcome): string {
  return outcome.kind === 'staple' ? 'a staple' : describeFailure(outcome.failure)
}

describe('fetchStaple()', () => {
  it('gives the staple, where it came from and the attempt', async () => {
    await using server = await responder(good)
    const outcome = await fetchFrom(`${server.origin}/ocsp`)
    expect(outcome).toMatchObject({
      kind: 'staple',
      staple: { status: 'good', thisUpdate: plus(NOW, -HOUR_MS) },
      url: `${server.origin}/ocsp`,
      attempts: [
        {
          url: `${server.origin}/ocsp`,
          method: 'GET',
          connection: 'kept',
          at: NOW,
          remoteAddress: '127.0.0.1',
          statusCode: 200,
          problem: undefined,
        },
      ],
    })
  })

  it('asks by GET with the request in the path, by POST with the request as body', async () => {
    const seen: string[] = []
    await using server = await httpServer(({ method, url }, response, body) => {
      seen.push(`${method} ${url} ${body.toString('hex')}`)
      response.writeHead(405).end()
    })
    await fetchFrom(`${server.origin}/ocsp`)
    const get = `GET ${getUrl('/ocsp', request)} `
    expect(seen).toEqual([get, `POST /ocsp ${Buffer.from(request).toString('hex')}`, get])
  })

  it.each<[string, Answer, readonly string[]]>([
    ['tryLater', error(3), ['GET kept 200', 'GET fresh 200', 'POST fresh 200']],
    ['an old one', good, ['GET kept 200', 'GET fresh 200', 'POST fresh 200']],
    ['429', status(429), ['GET kept 429']],
    ['503 with Retry-After', status(503, { 'Retry-After': '60' }), ['GET kept 503']],
  ])(
    'asks again, where the staple in hand is ending, after %s, as far as it may',
    async (_, answer, expected) => {
      await using server = await responder(answer)
      const held = { state: 'ending', thisUpdate: NOW } as const
      expect(steps(await fetchWith({ urls: [server.origin], held }))).toEqual(expected)
    },
  )

  it('asks by POST first where that is wished for, and by GET if it fails', async () => {
    await using server = await responder(status(404), good)
    const outcome = await fetchWith({ urls: [server.origin], first: 'POST' })
    expect(steps(outcome)).toEqual(['POST kept 404', 'GET fresh 200'])
  })

  it.each<[string, readonly Answer[], readonly string[]]>([
    ['404 by GET', [status(404), good], ['GET kept 404', 'POST fresh 200']],
    ['500 by GET', [status(500), good], ['GET kept 500', 'POST fresh 200']],
    [
      '404 twice',
      [status(404), status(404), good],
      ['GET kept 404', 'POST fresh 404', 'GET fresh 200'],
    ],
    ['malformedRequest', [error(1), good], ['GET kept 200', 'POST fresh 200']],
    ['internalError', [error(2), good], ['GET kept 200', 'GET fresh 200']],
    ['unauthorized', [error(6), good], ['GET kept 200', 'GET fresh 200']],
    ['an empty body', [body(''), good], ['GET kept 200', 'POST fresh 200']],
    ['a page for people', [body('<html>hello</html>'), good], ['GET kept 200', 'GET fresh 200']],
    [
      'an expired response',
      [expired, expired, good],
      ['GET kept 200', 'GET fresh 200', 'POST fresh 200'],
    ],
    ['revoked, once', [revoked, good], ['GET kept 200', 'GET fresh 200']],
    ['a reset connection', [reset, good], ['GET kept -', 'GET fresh 200']],
    [
      'a redirect to https',
      [status(302, { Location: 'https://o.test/' }), good],
      ['GET kept -', 'POST fresh 200'],
    ],
  ])('is not stopped by %s', async (_, answers, expected) => {
    await using server = await responder(...answers)
    const outcome = await fetchFrom(server.origin)
    expect([problem(outcome), steps(outcome)]).toEqual(['a staple', expected])
  })

  it.each<[string, Answer, string, readonly string[]]>([
    ['tryLater', error(3), 'the responder says tryLater', ['GET kept 200']],
    ['sigRequired', error(5), 'the responder says sigRequired', ['GET kept 200']],
    [
      'unauthorized',
      error(6),
      'the responder says unauthorized',
      ['GET kept 200', 'GET fresh 200', 'POST fresh 200'],
    ],
    ['404', status(404), 'HTTP status 404', ['GET kept 404', 'POST fresh 404', 'GET fresh 404']],
    ['429', status(429), 'HTTP status 429', ['GET kept 429']],
    [
      '503 with Retry-After',
      status(503, { 'Retry-After': '90' }),
      'HTTP status 503, to be asked again in 1m 30s',
      ['GET kept 503'],
    ],
    ['unknown', unknown, 'status-unknown: saw unknown, required good', ['GET kept 200']],
    [
      'revoked',
      revoked,
      'status-revoked: saw revoked at 2026-11-24T03:00:00Z, required good',
      ['GET kept 200', 'GET fresh 200', 'POST fresh 200'],
    ],
  ])('gives up for now after %s', async (_, answer, expected, attempts) => {
    await using server = await responder(answer)
    const outcome = await fetchFrom(server.origin)
    expect([problem(outcome), steps(outcome)]).toEqual([expected, attempts])
  })

  it('asks by POST only where the URL would have more than 255 bytes', async () => {
    await using server = await responder(error(6))
    const base = `${server.origin}/`
    const room = 255 - getUrl(base, request).length
    const [longest, tooLong] = [room - 1, room].map((n) => `${base}${'x'.repeat(n)}`)
    expect(steps(await fetchFrom(longest ?? ''))[0]).toBe('GET kept 200')
    expect(steps(await fetchFrom(tooLong ?? ''))).toEqual(['POST kept 200', 'POST fresh 200'])
  })

  it('tries every URL in order and keeps what each said', async () => {
    await using sick = await responder(error(3))
    await using healthy = await responder(good)
    const urls = ['https://o.test/', 'http://10.0.0.1/', sick.origin, healthy.origin]
    const outcome = await fetchFrom(...urls)
    expect(outcome).toMatchObject({ kind: 'staple', url: healthy.origin })
    expect(outcome.attempts.map(({ url, problem }) => [url, problem])).toEqual([
      ['https://o.test/', 'only http: is asked, not "https"'],
      ['http://10.0.0.1/', expect.stringContaining('address 10.0.0.1 is private')],
      [sick.origin, 'the responder says tryLater'],
      [healthy.origin, undefined],
    ])
  })

  it('reports the failure that tells most, whatever the order', async () => {
    await using down = await responder(status(404))
    await using busy = await responder(error(3))
    await using dead = await responder(revoked)
    const nowhere = 'https://o.test/'
    for (const urls of [
      [nowhere, down.origin],
      [down.origin, nowhere],
    ]) {
      expect(problem(await fetchFrom(...urls))).toBe('HTTP status 404')
    }
    for (const urls of [
      [busy.origin, down.origin, nowhere],
      [nowhere, down.origin, busy.origin],
    ]) {
      expect(problem(await fetchFrom(...urls))).toBe('the responder says tryLater')
    }
    for (const urls of [
      [dead.origin, busy.origin],
      [busy.origin, dead.origin],
    ]) {
      const outcome = await fetchFrom(...urls)
      expect(outcome).toMatchObject({
        failure: { kind: 'rejected', body: 'ocsp', findings: [{ rule: 'status-revoked' }] },
      })
    }
  })

  it('takes an OCSP error under an HTTP error as what the responder says', async () => {
    await using server = await responder((response) =>
      response.writeHead(500).end(sequence(enumerated(3))),
    )
    expect(problem(await fetchFrom(server.origin))).toBe('the responder says tryLater')
  })

  it('makes at most eight attempts, however many URLs there are', async () => {
    await using server = await responder(status(404))
    const urls = Array.from({ length: 1_000 }, (_, i) => `${server.origin}/${i}`)
    expect((await fetchFrom(...urls)).attempts).toHaveLength(8)
  })

  it('waits once only for a responder that is silent', async () => {
    await using server = await rawServer(() => {})
    const clock = new SimulatedClock(NOW)
    const limits = { totalTimeout: durationMs(30) }
    await using transport = testTransport({ clock, limits })
    const { signal } = new AbortController()
    const outcome = await fetchStaple({
      ...{ certificate, issuer, transport, clock, signal },
      urls: [server.origin],
      policy: defaultPolicy,
    })
    expect(steps(outcome)).toEqual(['GET kept -'])
    expect(problem(outcome)).toBe('no complete response within 30ms')
  })

  it('says so where there is no URL, and asks nobody when it is aborted', async () => {
    expect(await fetchFrom()).toMatchObject({ kind: 'failed', attempts: [] })
    expect(problem(await fetchFrom())).toBe('the certificate names no OCSP URL to ask')
    await using server = await responder(good)
    const clock = new SimulatedClock(NOW)
    await using transport = testTransport({ clock })
    const outcome = await fetchStaple({
      ...{ certificate, issuer, transport, clock },
      urls: [server.origin],
      policy: defaultPolicy,
      signal: AbortSignal.abort(),
    })
    expect([problem(outcome), server.connections()]).toEqual(['aborted', 0])
  })
})
