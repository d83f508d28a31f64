import { verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Span } from '../der/reader.ts'
import { epochMs, HOUR_MS, plus } from '../der/time.ts'
import { derNull } from '../der/writer.ts'
import { parseResponse } from '../ocsp/response.ts'
import { algorithmDer } from '../x509/algorithm.ts'
import { publicKey } from '../x509/certificate.ts'
import { keyHash } from './ca.ts'
import { makeHierarchy } from './hierarchy.ts'
import { buildResponse, byName, type Level, type ResponseKnobs } from './response-builder.ts'

const now = epochMs(1_790_000_000_000)
const hierarchy = makeHierarchy({ now, caKey: 'prime256v1' })
const { issuer, leaf, signer } = hierarchy
const certID = { certificate: leaf.certificate, issuer: issuer.certificate }
const single = { certID, thisUpdate: now, nextUpdate: plus(now, HOUR_MS) }

function build(knobs: Partial<ResponseKnobs> = {}): Uint8Array {
  return buildResponse({ signer: issuer, responses: [single], ...knobs })
}

function parsed(response: Uint8Array) {
  const read = parseResponse(response)
  if ('kind' in read || read.basic === undefined) throw new Error('expected a basic response')
  const view = ({ start, end }: Span) => Buffer.from(response.subarray(start, end))
  return { ...read, basic: read.basic, view }
}

describe('without further knobs', () => {
  const { basic, sloppiness, view, responseStatus } = parsed(build())

  it('is DER throughout and successful', () => {
    expect(sloppiness).toEqual([])
    expect(responseStatus).toBe(0)
  })

  it('is about the certificate, good, by the key of the issuer', () => {
    const [only] = basic.responses
    expect(basic.responses).toHaveLength(1)
    expect(only).toMatchObject({ thisUpdate: now, nextUpdate: plus(now, HOUR_MS) })
    expect(only?.certStatus).toMatchObject({ status: 'good', encoding: 'null' })
    expect(only && view(only.serialNumber)).toEqual(Buffer.from(leaf.certificate.serialNumber))
    expect(basic.producedAt).toBe(now)
    expect(basic.responderID.kind).toBe('byKey')
    expect(view(basic.responderID)).toEqual(keyHash(issuer.certificate))
    expect(basic.certs).toBeUndefined()
  })

  it('is signed', () => {
    const key = publicKey(issuer.certificate)
    const tbs = view(basic.tbsResponseData)
    expect(key && verify('sha256', tbs, key, view(basic.signature))).toBe(true)
  })
})

describe('knobs', () => {
  it('say revoked with time and reason', () => {
    const revoked = { ...single, certStatus: { revokedAt: now, reason: 4 } }
    const [only] = parsed(build({ responses: [revoked] })).basic.responses
    expect(only?.certStatus).toEqual({ status: 'revoked', revocationTime: now, reason: 4 })
  })

  it('put certificates in as given, in order, twice if wanted', () => {
    const certs = [signer.der, issuer.der, signer.der]
    const { basic, view } = parsed(build({ certs }))
    expect(basic.certs?.map(view)).toEqual(certs)
  })

  it('tell an empty SEQUENCE of certificates from none', () => {
    expect(parsed(build({ certs: [] })).basic.certs).toEqual([])
  })

  it('name the responder', () => {
    const responderID = byName(issuer.certificate.subject)
    expect(parsed(build({ responderID })).basic.responderID.kind).toBe('byName')
  })

  it('claim another algorithm than the one used', () => {
    const claimed = parsed(build({ signWith: 'ecdsa-sha384' })).basic.signatureAlgorithm
    const lie = { signWith: 'ecdsa-sha1', signatureAlgorithm: algorithmDer(claimed) } as const
    expect(parsed(build(lie)).basic.signatureAlgorithm.oid).toBe(claimed.oid)
  })

  it.each([2_000, 2_001, 9_000, 65_536])('pad to %d bytes exactly', (sizeBytes) => {
    const response = build({ sizeBytes, responseExtensions: [] })
    expect(response).toHaveLength(sizeBytes)
    expect(parsed(response).sloppiness).toEqual([])
  })

  it('refuse to pad a response that is longer already', () => {
    expect(() => build({ sizeBytes: 100 })).toThrow('no padding makes the response 100 bytes long')
  })
})

describe('sloppy encodings', () => {
  const levels: readonly Level[] = [
    'OCSPResponse',
    'ResponseBytes',
    'BasicOCSPResponse',
    'ResponseData',
    'SingleResponse',
    'certs',
  ]
  const withCerts = { certs: [signer.der] }

  it.each(levels)('in %s are noted by the reader, each as what it is', (level) => {
    const kinds = (encoding: NonNullable<ResponseKnobs['encoding']>[Level]) =>
      parsed(build({ ...withCerts, encoding: { [level]: encoding } })).sloppiness.map((s) => s.kind)
    expect(kinds({ length: 'long' })).toContain('non-minimal-length')
    expect(kinds({ length: 'indefinite' })).toContain('indefinite-length')
  })

  it('leave bytes after the response and inside of it', () => {
    const after = { OCSPResponse: { after: derNull() } }
    const inside = { BasicOCSPResponse: { after: derNull() } }
    for (const encoding of [after, inside]) {
      expect(parsed(build({ encoding })).sloppiness).toMatchObject([{ kind: 'trailing-bytes' }])
    }
  })
})
