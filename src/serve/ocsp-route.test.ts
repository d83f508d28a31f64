import { describe, expect, it, test } from 'vitest'
import { base64, request } from './_setup.ts'
import { decodeRequest, ocspRoute } from './ocsp-route.ts'

// Base64 with each of the characters that give trouble in a path.
const awkward = Buffer.from('30fffefbf0ffbf3efbff', 'hex')
const text = awkward.toString('base64')

describe('decodeRequest() reads', () => {
  test.each([
    ['base64 as it is', text],
    ['percent-encoded base64', encodeURIComponent(text)],
    ['base64 in lower-case percent-encoding', text.replaceAll('/', '%2f').replaceAll('+', '%2b')],
    ['base64 without padding', text.replace(/=+$/, '')],
    ['base64 after a slash', `/${text}`],
    ['base64 after several slashes', `///${text}`],
    ['base64 whose plus signs became spaces', text.replaceAll('+', '%20')],
  ])('%s', (_name, path) => {
    expect(decodeRequest(path)).toEqual(awkward)
  })
})

test('the bytes in the table hold a slash, a plus sign and padding', () => {
  expect(text).toMatch(/\/.*\+|\+.*\//)
  expect(text).toMatch(/=$/)
})

describe('decodeRequest() refuses', () => {
  test.each([
    ['nothing', ''],
    ['a slash', '/'],
    ['what is not base64', 'index.html'],
    ['a broken percent-encoding', `${text}%2`],
    ['percent-encoding that is not UTF-8', '%ff%fe'],
    ['what was percent-encoded twice', encodeURIComponent(encodeURIComponent(text))],
    ['padding in the middle', `${text}${text}`],
    ['more than a header can hold', 'M'.repeat(20_000)],
  ])('%s', (_name, path) => {
    expect(decodeRequest(path)).toBeUndefined()
  })
})

describe('ocspRoute()', () => {
  const encoded = encodeURIComponent(base64)
  test.each([
    ['GET', `/ocsp/${encoded}`],
    ['GET', `/ocsp/${base64}`],
    ['GET', `/ocsp//${base64}`],
    ['GET', `/${encoded}`],
    ['GET', `//${base64}`],
    ['HEAD', `/ocsp/${encoded}`],
    ['GET', `/ocsp/${encoded}?from=somewhere`],
  ])('finds the request in %s %s', (method, url) => {
    expect(ocspRoute(method, url)).toEqual({ kind: 'get', request })
  })

  test.each(['/ocsp', '/ocsp/', '/'])('takes POST %s', (url) => {
    expect(ocspRoute('POST', url)).toEqual({ kind: 'post' })
  })

  test.each([
    ['GET', '/'],
    ['GET', '/healthz'],
    ['GET', '/ocspx'],
    ['GET', '/M'],
    ['GET', '/assets/MEUwQzBBMD8wPTAJBgUrDgMCGgUABBR4u7vJ'],
    ['POST', '/v1/certificates'],
    ['DELETE', '/'],
  ])('leaves %s %s to others', (method, url) => {
    expect(ocspRoute(method, url)).toBeUndefined()
  })

  it('allows no other methods', () => {
    expect(ocspRoute('PUT', '/ocsp/')).toEqual({ kind: 'method-not-allowed' })
  })

  it('gives no request where the path holds none', () => {
    expect(ocspRoute('GET', '/ocsp/')).toEqual({ kind: 'get', request: undefined })
  })
})
