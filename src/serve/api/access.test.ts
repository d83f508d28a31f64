import { expect, test } from 'vitest'
import { epochMs } from '../../der/time.ts'
import type { Scope } from '../tokens.ts'
import { access, refusal } from './access.ts'

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
  ['one that is gone', { ...here, remoteAddress: undefined }, /this machine only/],
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

const far = { remoteAddress: '192.0.2.7', host: 'staples.example', origin: undefined }
const scopes: Readonly<Record<string, Scope>> = { r: 'read', e: 'edge', a: 'admin' }
const tokens = {
  find: async (token: string) => {
    const scope = scopes[token]
    return scope && { name: token, scope, sha256: '', createdAt: epochMs(0) }
  },
}
const change = ['POST', '/v1/changes'] as const
const report = ['POST', '/v1/edges/web1'] as const
const offer = ['PUT', '/v1/certificates'] as const
const list = ['GET', '/v1/certificates'] as const
const remove = ['DELETE', '/v1/certificates/ab'] as const
const forget = ['DELETE', '/v1/edges/web1'] as const

test.each([
  [list, 'r', undefined],
  [change, 'r', undefined],
  [report, 'r', 403],
  [offer, 'r', 403],
  [report, 'e', undefined],
  [offer, 'e', undefined],
  [list, 'e', undefined],
  [remove, 'e', 403],
  [forget, 'e', 403],
  [remove, 'a', undefined],
  [forget, 'a', undefined],
  [['POST', '/v1/other'] as const, 'e', 403],
  [list, 'wrong', 401],
] as const)(
  'access() to %j from afar with token %s: %s',
  async ([method, path], token, expected) => {
    const asked = { caller: far, authorization: `Bearer ${token}`, method, path }
    const refused = await access(asked, { tokens, listenHost: '0.0.0.0' })
    expect(refused?.statusCode).toBe(expected)
  },
)

test('access() without a token is for this machine, with one that is wrong for nobody', async () => {
  const rules = { tokens, listenHost: '0.0.0.0' }
  const [method, path] = list
  const ask = (caller: typeof far, authorization?: string) =>
    access({ caller, authorization, method, path }, rules)
  expect(await ask(here)).toBeUndefined()
  expect(await ask(far)).toMatchObject({ statusCode: 403 })
  expect(await ask(here, 'Bearer wrong')).toMatchObject({ statusCode: 401 })
  expect(await ask(here, 'Basic cjpy')).toMatchObject({ statusCode: 401 })
  expect(await ask(far, 'bearer r')).toBeUndefined()
})
