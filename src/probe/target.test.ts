import { describe, expect, test } from 'vitest'
import { isServername, parseTarget } from './target.ts'

describe('parseTarget()', () => {
  test.each([
    ['www.example.org:8443', 'www.example.org:8443', 'www.example.org', 8443, 'www.example.org'],
    ['www.example.org', 'www.example.org:443', 'www.example.org', 443, 'www.example.org'],
    ['www.example.org.', 'www.example.org.:443', 'www.example.org.', 443, 'www.example.org'],
    ['localhost:1', 'localhost:1', 'localhost', 1, 'localhost'],
    ['192.0.2.1:443', '192.0.2.1:443', '192.0.2.1', 443, undefined],
    ['[::1]:443', '[::1]:443', '::1', 443, undefined],
    ['[2001:db8::1]', '[2001:db8::1]:443', '2001:db8::1', 443, undefined],
    ['::1', '[::1]:443', '::1', 443, undefined],
    ['192.0.2.1/www.test', '192.0.2.1:443/www.test', '192.0.2.1', 443, 'www.test'],
    ['[::1]:8443/a.test', '[::1]:8443/a.test', '::1', 8443, 'a.test'],
    ['lb.test:1/a.test', 'lb.test:1/a.test', 'lb.test', 1, 'a.test'],
  ])('reads %s', (text, label, host, port, servername) => {
    expect(parseTarget(text)).toEqual({ label, host, port, servername })
  })
  test.each([
    '',
    ':443',
    'a b',
    'x:0',
    'x:65536',
    'x:',
    '[::1',
    '[zz]',
    'https://x',
    'x:443:1',
    '1::2::3',
    'x:443/',
    'x:443/192.0.2.1',
    'x:443/a.test/',
    '/a.test',
  ])('refuses %j', (text) => expect(parseTarget(text)).toBeUndefined())
  test('takes the name to ask for from elsewhere', () => {
    expect(parseTarget('127.0.0.1', 'www.test')).toMatchObject({ servername: 'www.test' })
  })
})

describe('isServername()', () => {
  test.each([
    ['www.example.org', true],
    ['localhost', true],
    ['127.0.0.1', false],
    ['::1', false],
    ['', false],
    ['a..b', false],
  ])('%j: %s', (text, expected) => expect(isServername(text)).toBe(expected))
})
