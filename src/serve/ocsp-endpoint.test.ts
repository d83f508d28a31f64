import { createHash } from 'node:crypto'
import { describe, expect, it, test } from 'vitest'
import { HOUR_MS, plus } from '../der/time.ts'
import { derNull, explicit, integer, octetString, oid, sequence } from '../der/writer.ts'
import { certID } from '../ocsp/request.ts'
import { malformedRequest, now, pki, request, staple, staples, unauthorized } from './_setup.ts'
import { answerOcsp, type OcspQuery } from './ocsp-endpoint.ts'

const ask = (query: Partial<OcspQuery> = {}) =>
  answerOcsp({ request, ifNoneMatch: undefined, staples, now, ...query })

const SHA1 = '1.3.14.3.2.26'
const SHA256 = '2.16.840.1.101.3.4.2.1'

/** An OCSP request as other software might write it. */
function requestFor(
  singles: readonly { readonly hash?: string; readonly serialNumber?: Uint8Array }[],
  ...extensions: Uint8Array[]
): Uint8Array {
  const { issuerNameHash, issuerKeyHash, serialNumber } = certID(
    pki.leaf.certificate,
    pki.issuer.certificate,
  )
  const list = singles.map((single) =>
    sequence(
      sequence(
        sequence(oid(single.hash ?? SHA1), derNull()),
        octetString(issuerNameHash),
        octetString(issuerKeyHash),
        integer(single.serialNumber ?? serialNumber),
      ),
    ),
  )
  return sequence(sequence(sequence(...list), ...extensions))
}

const nonce = explicit(
  2,
  sequence(sequence(oid('1.3.6.1.5.5.7.48.1.2'), octetString(octetString(new Uint8Array(16))))),
)

describe('the staple of a managed certificate', () => {
  it('comes with the header fields of RFC 9919', async () => {
    expect(await ask()).toEqual({
      statusCode: 200,
      body: staple.der,
      headers: {
        'Content-Type': 'application/ocsp-response',
        'Content-Length': staple.der.length,
        'Cache-Control': 'max-age=32400, public, no-transform, must-revalidate',
        ETag: `"${createHash('sha256').update(staple.der).digest('hex')}"`,
        'Last-Modified': new Date(staple.thisUpdate).toUTCString(),
        Expires: new Date(staple.usableUntil).toUTCString(),
        Date: new Date(now).toUTCString(),
      },
    })
  })

  it('is kept by no cache beyond usableUntil', async () => {
    const { headers } = await ask({ now: plus(staple.usableUntil, -1500) })
    expect(headers['Cache-Control']).toMatch(/^max-age=1,/)
  })

  it('is given whatever the nonce of the request', async () => {
    expect((await ask({ request: requestFor([{}], nonce) })).body).toBe(staple.der)
  })
})

describe('If-None-Match', () => {
  const etag = `"${createHash('sha256').update(staple.der).digest('hex')}"`
  test.each([
    [etag, 304],
    [`W/${etag}`, 304],
    [`"other", ${etag}`, 304],
    ['*', 304],
    ['"other"', 200],
    [etag.replaceAll('"', ''), 200],
  ])('%s gives %i', async (ifNoneMatch, statusCode) => {
    const answer = await ask({ ifNoneMatch })
    expect(answer.statusCode).toBe(statusCode)
    expect(answer.headers).toMatchObject({ ETag: etag })
    expect(answer.body.length).toBe(statusCode === 304 ? 0 : staple.der.length)
  })
})

describe('the answer is unauthorized and not to be cached', () => {
  test.each<[string, Partial<OcspQuery>]>([
    [
      'for a certificate that is not managed',
      { request: requestFor([{ serialNumber: Uint8Array.of(7) }]) },
    ],
    ['for a CertID with SHA-256', { request: requestFor([{ hash: SHA256 }]) }],
    ['for two certificates at once', { request: requestFor([{}, {}]) }],
    ['at usableUntil, whatever the source gives', { now: staple.usableUntil }],
    ['an hour after usableUntil', { now: plus(staple.usableUntil, HOUR_MS) }],
  ])('%s', async (_name, query) => {
    const { statusCode, headers, body } = await ask(query)
    expect(Buffer.from(body)).toEqual(unauthorized)
    expect(statusCode).toBe(200)
    expect(headers['Cache-Control']).toBe('no-store')
  })
})

describe('the answer is malformedRequest', () => {
  test.each<[string, Uint8Array | undefined]>([
    ['where the path could not be decoded', undefined],
    ['for no bytes', new Uint8Array(0)],
    ['for a request that was cut', request.subarray(0, 40)],
    ['for HTML', Buffer.from('<html>')],
    ['for a request for nothing', requestFor([])],
  ])('%s', async (_name, bytes) => {
    const { headers, body } = await ask({ request: bytes })
    expect(Buffer.from(body)).toEqual(malformedRequest)
    expect(headers['Cache-Control']).toBe('no-store')
  })
})
