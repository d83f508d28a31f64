import { describe, expect, it } from 'vitest'
import { noneAllowed, parseAllowedAddresses } from './address-screen.ts'
import { getUrl, requestTarget } from './request-url.ts'

// Base64 of these bytes is "+//+/w==": all that must be percent-encoded.
const request = Buffer.from('+//+/w==', 'base64')
const encoded = '%2B%2F%2F%2B%2Fw%3D%3D'

describe('getUrl()', () => {
  it.each([
    ['http://o.example', `http://o.example/${encoded}`],
    ['http://o.example/', `http://o.example/${encoded}`],
    ['http://o.example/ocsp', `http://o.example/ocsp/${encoded}`],
    ['http://o.example/ocsp/', `http://o.example/ocsp/${encoded}`],
    ['http://o.example:8080/a//b', `http://o.example:8080/a//b/${encoded}`],
    ['http://O.example/A/../%2f/%2F', `http://O.example/A/../%2f/%2F/${encoded}`],
    ['http://o.example/ocsp?ca=1', `http://o.example/ocsp?ca=1/${encoded}`],
    ['http://o.example/ocsp#top', `http://o.example/ocsp/${encoded}`],
  ])('%s becomes %s', (ocspUrl, expected) => {
    expect(getUrl(ocspUrl, request)).toBe(expected)
  })

  it('encodes once, with no line breaks, so that decoding once gives the request again', () => {
    const long = Uint8Array.from({ length: 256 }, (_, i) => i)
    const url = getUrl('http://o.example/', long)
    const path = url.slice('http://o.example/'.length)
    expect(path).toMatch(/^([A-Za-z0-9]|%2B|%2F|%3D)+$/)
    expect(Buffer.from(decodeURIComponent(path), 'base64')).toEqual(Buffer.from(long))
  })
})

describe('requestTarget()', () => {
  it.each([
    ['http://o.example', 'http://o.example', '/'],
    ['HTTP://O.Example:80/a', 'http://o.example', '/a'],
    ['http://o.example:8080?x=1', 'http://o.example:8080', '/?x=1'],
    ['http://o.example//a/../b/./%2F%2f?q=%41#f', 'http://o.example', '//a/../b/./%2F%2f?q=%41'],
    ['http://1.1.1.1/', 'http://1.1.1.1', '/'],
    ['http://[2606:4700::1111]:81/', 'http://[2606:4700::1111]:81', '/'],
  ])('takes %s apart and changes nothing of the path', (url, origin, path) => {
    expect(requestTarget(url, noneAllowed)).toEqual({ kind: 'target', origin, path })
  })

  it.each([
    ['https://o.example/', 'only http: is asked, not "https"'],
    ['ldap://o.example/cn=a', 'only http: is asked, not "ldap"'],
    ['file:///etc/passwd', 'only http: is asked, not "file"'],
    ['o.example', 'only http: is asked, not "o.example"'],
    ['http:/o.example', 'only http: is asked, not "http"'],
    ['http://user@o.example/', 'the URL has a user name before the host'],
    ['http://user:secret@127.0.0.1/', 'the URL has a user name before the host'],
    ['http:///path', '"" is no host name or address'],
    ['http://o.example\\@127.0.0.1/', 'the URL has a user name before the host'],
    ['http://o.example\\127.0.0.1/', '"o.example\\\\127.0.0.1" is no host name or address'],
    ['http://%3127.0.0.1/', '"%3127.0.0.1" is no host name or address'],
    ['http://o.example:99999/', '"o.example:99999" is no host name or address'],
    ['http://[::1', '"[::1" is no host name or address'],
    ['http://o.example/a b', 'the URL has a space, or a character that is not ASCII'],
    ['http://o.example/\r\nHost: b', 'the URL has a space, or a character that is not ASCII'],
    ['http://ö.example/', 'the URL has a space, or a character that is not ASCII'],
    [`http://o.example/${'a'.repeat(2_048)}`, 'the URL has 2065 characters, 2048 at most'],
  ])('refuses %j', (url, problem) => {
    expect(requestTarget(url, noneAllowed)).toEqual({ kind: 'refused', problem })
  })

  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.0.0.1/',
    'http://017700000001/',
    'http://127.0.0.1:8080/',
  ])('knows loopback in %s', (url) => {
    expect(requestTarget(url, noneAllowed)).toEqual({
      kind: 'refused',
      problem:
        'address 127.0.0.1 is loopback (127.0.0.0/8): if this responder is meant, add it to responders.allowAddresses',
    })
  })

  it.each(['http://[::1]/', 'http://[::ffff:127.0.0.1]/', 'http://[fe80::1]:80/'])(
    'knows what is not public in %s',
    (url) => {
      expect(requestTarget(url, noneAllowed)).toMatchObject({ kind: 'refused' })
    },
  )

  it('lets pass what the operator allows', () => {
    const allowed = parseAllowedAddresses(['127.0.0.0/8', '::1'])
    if ('kind' in allowed) throw new Error(allowed.problem)
    expect(requestTarget('http://127.0.0.1:80/', allowed)).toMatchObject({ kind: 'target' })
    expect(requestTarget('http://[::1]:8080/', allowed)).toMatchObject({
      origin: 'http://[::1]:8080',
    })
  })
})
