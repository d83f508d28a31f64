import { expect, test } from 'vitest'
import { refusal } from './access.ts'

const here = { remoteAddress: '127.0.0.1', host: '127.0.0.1:8888', origin: undefined }

test.each([
  ['an address', here],
  ['no port', { ...here, host: '127.0.0.1' }],
  ['localhost', { ...here, host: 'LocalHost:8888' }],
  ['IPv6', { ...here, remoteAddress: '::1', host: '[::1]:8888' }],
  ['IPv4 on a socket for both', { ...here, remoteAddress: '::ffff:127.0.0.1' }],
  ['the host that is listened on', { ...here, host: 'staples.internal:8888' }],
])('refusal() lets in: %s', (_name, caller) => {
  expect(refusal(caller, 'staples.internal')).toBeUndefined()
})

test.each([
  ['another machine', { ...here, remoteAddress: '192.0.2.7' }, /comes from 192\.0\.2\.7/],
  ['one that is gone', { ...here, remoteAddress: undefined }, /for this machine only/],
  ['an address with 127 inside', { ...here, remoteAddress: '10.127.0.0.1' }, /this machine only/],
  ['a web page', { ...here, origin: 'http://127.0.0.1:8888' }, /not for web pages/],
  ['a sandboxed page', { ...here, origin: 'null' }, /not for web pages/],
  [
    'a name that leads here',
    { ...here, host: 'rebind.example:8888' },
    /Host "rebind\.example:8888"/,
  ],
  ['a name like an address', { ...here, host: '127.0.0.1.example' }, /Host/],
  ['userinfo', { ...here, host: 'localhost@rebind.example' }, /Host/],
  ['no Host', { ...here, host: undefined }, /Host ""/],
])('refusal() refuses %s', (_name, caller, why) => {
  expect(refusal(caller, '0.0.0.0')).toMatch(why)
})
