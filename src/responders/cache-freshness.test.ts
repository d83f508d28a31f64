import { expect, test } from 'vitest'
import { durationMs, epochMs } from '../der/time.ts'
import { freshUntilOf } from './cache-freshness.ts'
import { responderHeaders } from './responder-headers.ts'

const now = epochMs(1_800_000_000_000)

test.each<[string, Record<string, string>, number | undefined]>([
  ['no header field', {}, undefined],
  ['max-age', { 'cache-control': 'public, max-age=60, no-transform' }, 60],
  ['in quotes', { 'cache-control': 'max-age="60"' }, 60],
  ['and Age', { 'cache-control': 'max-age=60', age: '20' }, 40],
  ['and an Age beyond it', { 'cache-control': 'max-age=60', age: '61' }, undefined],
  ['and an Age that is none', { 'cache-control': 'max-age=60', age: '-1' }, undefined],
  ['of another kind', { 'cache-control': 's-maxage=60' }, undefined],
  ['and no-cache', { 'cache-control': 'max-age=60, no-cache' }, undefined],
  ['and no-store', { 'cache-control': 'no-store, max-age=60' }, undefined],
])('freshUntilOf() %s', (_, headers, seconds) => {
  const result = {
    kind: 'response',
    statusCode: 200,
    body: new Uint8Array(),
    headers: responderHeaders(headers, now),
    remoteAddress: '192.0.2.1',
    elapsed: durationMs(1),
  } as const
  const until = freshUntilOf(result, now)
  expect(until === undefined ? undefined : (until - now) / 1_000).toBe(seconds)
})
