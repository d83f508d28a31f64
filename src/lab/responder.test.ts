import { describe, expect, it } from 'vitest'
import { durationMs, type EpochMs, epochMs, HOUR_MS, MINUTE_MS, plus } from '../der/time.ts'
import { certID, encodeRequest } from '../ocsp/request.ts'
import { parseResponse } from '../ocsp/response.ts'
import type { Clock } from '../time/clock.ts'
import { opensslBench, opensslVersion } from './_openssl.ts'
import type { LabCertificate } from './ca.ts'
import { html, httpError, lying, ocspError, silent, slow, tryLater } from './faults/answers.ts'
import { everyNth, onMethod } from './faults/combine.ts'
import type { Fault } from './faults/fault.ts'
import { makeHierarchy } from './hierarchy.ts'
import { type Responder, type ResponderOptions, startResponder } from './responder.ts'

const start = epochMs(1_790_000_000_000)
const hierarchy = makeHierarchy({ now: start, caKey: 'prime256v1' })
const { issuer, leaf, signer } = hierarchy
const stranger = makeHierarchy({ now: start, caKey: 'prime256v1', name: 'another' })

function requestFor(certificate: LabCertificate, by: LabCertificate = issuer): Uint8Array {
  return encodeRequest(certID(certificate.certificate, by.certificate))
}

function fetchGet(url: string, request: Uint8Array, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}/${encodeURIComponent(Buffer.from(request).toString('base64'))}`, init)
}

function fetchPost(url: string, request: Uint8Array): Promise<Response> {
  const headers = { 'content-type': 'application/ocsp-request' }
  return fetch(url, { method: 'POST', headers, body: Buffer.from(request) })
}

async function read(response: Response) {
  const read = parseResponse(new Uint8Array(await response.arrayBuffer()))
  if ('kind' in read) throw new Error(`malformed: ${read.problem}`)
  return { status: read.responseStatus, basic: read.basic, only: read.basic?.responses[0] }
}

/** A clock that stands still until it is moved; sleeps end at once. */
function standingClock(): Clock & { at: EpochMs } {
  const clock = {
    at: start,
    now: () => clock.at,
    monotonic: () => durationMs(0),
    sleep: () => Promise.resolve(),
  }
  return clock
}

function responder(options: Partial<ResponderOptions> = {}): Promise<Responder> {
  return startResponder({ issuer, clock: standingClock(), ...options })
}

describe('a responder', () => {
  it.each([
    ['GET', fetchGet],
    ['POST', fetchPost],
  ])('answers %s with a response for the certificate', async (method, fetchWith) => {
    await using running = await responder()
    const response = await fetchWith(running.url, requestFor(leaf))
    expect(response.headers.get('content-type')).toBe('application/ocsp-response')
    const { only } = await read(response)
    expect(only?.certStatus.status).toBe('good')
    expect(running.requests).toMatchObject([
      {
        method,
        number: 1,
        serialNumbers: [Buffer.from(leaf.certificate.serialNumber).toString('hex')],
      },
    ])
  })

  it('says revoked, unknown or unauthorized of the certificates that it is told to', async () => {
    await using running = await responder()
    const statusOf = async () => {
      const { status, only } = await read(await fetchGet(running.url, requestFor(leaf)))
      return only?.certStatus.status ?? status
    }
    running.setStatus(leaf.certificate, { revokedAt: start, reason: 1 })
    expect(await statusOf()).toBe('revoked')
    running.setStatus(leaf.certificate, 'unknown')
    expect(await statusOf()).toBe('unknown')
    running.setStatus(leaf.certificate, 'unauthorized')
    expect(await statusOf()).toBe(6)
  })

  it('says what it is set to of all other certificates', async () => {
    await using running = await responder({ others: 'unauthorized' })
    running.setStatus(leaf.certificate, 'good')
    expect((await read(await fetchGet(running.url, requestFor(leaf)))).status).toBe(0)
    const other = await fetchGet(running.url, requestFor(hierarchy.issueLeaf()))
    expect((await read(other)).status).toBe(6)
    expect(other.headers.get('cache-control')).toBe('no-store')
  })

  it('is unauthorized for the certificate of another CA', async () => {
    await using running = await responder()
    const request = requestFor(stranger.leaf, stranger.issuer)
    expect((await read(await fetchGet(running.url, request))).status).toBe(6)
  })

  it('finds what is no request malformed', async () => {
    await using running = await responder()
    for (const path of ['', '/', '/favicon.ico', '/%', '/MEIw']) {
      expect((await read(await fetch(running.url + path))).status).toBe(1)
    }
    expect((await read(await fetchPost(running.url, Buffer.from('<html>')))).status).toBe(1)
  })

  it('embeds the certificate of the signer that it delegates to', async () => {
    await using running = await responder({ signer })
    const { basic } = await read(await fetchGet(running.url, requestFor(leaf)))
    expect(basic?.certs).toHaveLength(1)
  })

  it('keeps an answer until the next is due, then has a newer one', async () => {
    const clock = standingClock()
    const rhythm = { validity: durationMs(HOUR_MS), renewEvery: durationMs(10 * MINUTE_MS) }
    await using running = await responder({ clock, ...rhythm })
    const seen: { etag: string | null; thisUpdate: EpochMs | undefined }[] = []
    for (const minutes of [0, 1, 20]) {
      clock.at = plus(start, minutes * MINUTE_MS)
      const response = await fetchGet(running.url, requestFor(leaf))
      const { only } = await read(response)
      expect(only?.nextUpdate).toBe(only && plus(only.thisUpdate, HOUR_MS))
      seen.push({ etag: response.headers.get('etag'), thisUpdate: only?.thisUpdate })
    }
    expect(seen[1]).toEqual(seen[0])
    expect(seen[2]?.thisUpdate).toBe(plus(seen[0]?.thisUpdate ?? start, 20 * MINUTE_MS))
  })

  it('sends the cache headers of RFC 9919, and 304 to who has the answer', async () => {
    await using running = await responder()
    const { headers } = await fetchGet(running.url, requestFor(leaf))
    // The answer of 14:00 is renewed at 14:15; now is 14:13:20.
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'max-age=100, public, no-transform, must-revalidate',
      date: 'Mon, 21 Sep 2026 14:13:20 GMT',
      'last-modified': 'Mon, 21 Sep 2026 14:00:00 GMT',
      expires: 'Mon, 21 Sep 2026 15:00:00 GMT',
    })
    const conditional = { headers: { 'if-none-match': headers.get('etag') ?? '' } }
    const again = await fetchGet(running.url, requestFor(leaf), conditional)
    expect(again.status).toBe(304)
  })

  it('ends with connections open', async () => {
    const running = await responder({ fault: silent })
    const pending = fetchGet(running.url, requestFor(leaf))
    const lost = expect(pending).rejects.toThrow()
    while (running.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await running[Symbol.asyncDispose]()
    await lost
  })
})

describe('faults', () => {
  const expired = lying((honest) => ({
    ...honest,
    responses: honest.responses.map((r) => ({ ...r, nextUpdate: plus(start, -HOUR_MS) })),
  }))

  /** What a client sees: HTTP status, and the OCSP status or nextUpdate or text. */
  async function seen(response: Response): Promise<unknown> {
    const body = new Uint8Array(await response.arrayBuffer())
    const parsed = parseResponse(body)
    if ('kind' in parsed) return [response.status, Buffer.from(body).toString().slice(0, 15)]
    return [response.status, parsed.basic?.responses[0]?.nextUpdate ?? parsed.responseStatus]
  }

  it.each<[string, Fault, unknown]>([
    ['an HTTP error', httpError(503), [503, '']],
    ['tryLater', tryLater, [200, 3]],
    ['internalError', ocspError(2), [200, 2]],
    ['a page of HTML', html, [200, '<!DOCTYPE html>']],
    ['an expired response', expired, [200, plus(start, -HOUR_MS)]],
    ['an answer that is late', slow(durationMs(HOUR_MS)), [200, plus(start, 2_800_000)]],
  ])('include %s', async (_name, fault, expected) => {
    await using running = await responder({ fault })
    expect(await seen(await fetchGet(running.url, requestFor(leaf)))).toEqual(expected)
  })

  it('can strike every n-th request', async () => {
    await using running = await responder({ fault: everyNth(3, httpError(500)) })
    const statuses: number[] = []
    for (let i = 0; i < 6; i++) {
      statuses.push((await fetchGet(running.url, requestFor(leaf))).status)
    }
    expect(statuses).toEqual([200, 200, 500, 200, 200, 500])
  })

  it('can strike one method only, and be mended', async () => {
    await using running = await responder({ fault: onMethod('GET', httpError(405)) })
    expect((await fetchGet(running.url, requestFor(leaf))).status).toBe(405)
    expect((await fetchPost(running.url, requestFor(leaf))).status).toBe(200)
    running.setFault(undefined)
    expect((await fetchGet(running.url, requestFor(leaf))).status).toBe(200)
  })
})

describe.skipIf(opensslVersion() === undefined)('openssl ocsp as the client', () => {
  it.each([
    ['direct', undefined],
    ['delegated', 'signer'],
  ] as const)('verifies a %s answer', async (_name, signing) => {
    const today = makeHierarchy({ now: epochMs(Date.now()), caKey: 'prime256v1' })
    using bench = opensslBench(today)
    const delegated = signing === undefined ? {} : { signer: today.signer }
    await using running = await startResponder({ issuer: today.issuer, ...delegated })
    const printed = await bench.ask(running.url)
    expect(printed).toContain('Response verify OK')
    expect(printed).toContain('leaf.pem: good')
  })
})
