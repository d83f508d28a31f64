import { describe, expect, test } from 'vitest'
import { checkOf, stapled } from './_setup.ts'
import type { CheckedHandshake, FailedCheck } from './server-check.ts'
import { failed, verdictOf } from './verdict.ts'

const none = { ...stapled, outcome: 'none-sent' } as const
const noOcsp = { ...stapled, outcome: 'no-ocsp-url' } as const
const refusing = { connects: false, why: 'the certificate asks for more' }
const strange = { ...stapled, clients: { ...stapled.clients, mustStapleBrowser: refusing } }

function failure(reason: FailedCheck['reason']): FailedCheck {
  return { kind: 'failed', tls: '1.2', key: 'rsa', reason, problem: reason }
}

function held(state: 'same' | 'other' | 'none-held' | 'not-managed') {
  const times = { heldThisUpdate: '2026-11-24T00:00:00Z', sentThisUpdate: '2026-11-23T00:00:00Z' }
  return { ...stapled, held: { state, ...times } } as const
}

describe('verdictOf()', () => {
  test.each<[string, readonly CheckedHandshake[], string, RegExp]>([
    ['all stapled', [stapled, stapled], 'OK', /^2 of 2 handshakes stapled/],
    ['one kind of key only', [stapled, failure('handshake-refused')], 'OK', /^1 of 1/],
    ['a server that hangs up instead', [stapled, failure('connection-closed')], 'OK', /^1 of 1/],
    ['OCSP not used', [noOcsp], 'OK', /^no staple, as the certificate names no OCSP responder$/],
    ['one of two without', [stapled, none], 'CRITICAL', /^1 of 2 handshakes without .*none-sent/],
    ['good, and refused all the same', [strange], 'CRITICAL', /^the certificate asks for more$/],
    ['one of two late', [stapled, failure('timeout')], 'WARNING', /^not every handshake/],
    ['nobody there', [failure('connection-refused')], 'UNKNOWN', /^connection-refused$/],
    ['refused altogether', [failure('handshake-refused')], 'UNKNOWN', /^handshake-refused$/],
    ['what everstaple holds', [held('same')], 'OK', /^1 of 1/],
    [
      'another than everstaple holds',
      [held('other')],
      'WARNING',
      /thisUpdate 2026-11-23.*held 2026-11-24/,
    ],
    ['none held', [held('none-held')], 'WARNING', /holds no staple/],
    ['not managed', [held('not-managed')], 'WARNING', /does not manage/],
  ])('%s', (_, handshakes, level, summary) => {
    const verdict = verdictOf(checkOf(...handshakes))
    expect(verdict.level).toBe(level)
    expect(verdict.summary).toMatch(summary)
  })
})

describe('failed()', () => {
  test.each<[string, readonly CheckedHandshake[], number]>([
    ['counts refusals where all refuse', [failure('handshake-refused')], 1],
    [
      'takes refusals beside a handshake for what is not offered',
      [stapled, failure('handshake-refused')],
      0,
    ],
    ['counts other failures', [stapled, failure('timeout')], 1],
  ])('%s', (_, handshakes, count) => {
    expect(failed(checkOf(...handshakes))).toHaveLength(count)
  })
})
