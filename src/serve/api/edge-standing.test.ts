import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { HOUR_MS, MINUTE_MS, plus } from '../../der/time.ts'
import { certificate, NOW, schedule, staple } from '../../store/_records.ts'
import type { EdgeState, Entry, OutputState } from '../../store/store.ts'
import { edgeStanding, whyNotOnEdges } from './edge-standing.ts'

const [newest, former] = [staple(2), staple(1)]
const entry: Entry = { certificate: certificate(1), schedule: schedule(), staple: newest, former }
const edge = { name: 'web1', seenAt: plus(NOW, -MINUTE_MS), version: '1.0.0' }
const digestOf = ({ der }: { readonly der: Uint8Array }) =>
  createHash('sha256').update(der).digest('hex')
const state: EdgeState = {
  edge: 'web1',
  id: certificate(1).id,
  stapleSha256: digestOf(newest),
  since: NOW,
  outputs: [],
  probe: undefined,
}
const output: OutputState = {
  ...{ output: '{source}.ocsp', place: '/a.ocsp', state: 'live', since: NOW },
  ...{ stapleSha256: undefined, problem: undefined },
}
const full = { ...output, state: 'failed', problem: 'the disk is full' } as const
const silent = { ...edge, seenAt: plus(NOW, -HOUR_MS) }

test.each([
  ['has the newest', state, {}, 'live'],
  ['has the one that is still served', { ...state, stapleSha256: digestOf(former) }, {}, 'live'],
  [
    'still has the one that is no longer served',
    { ...state, stapleSha256: digestOf(former) },
    { entry: { ...entry, staple: { ...newest, servedFrom: plus(NOW, -5 * MINUTE_MS) } } },
    /^behind: has another staple than .* since/,
  ],
  [
    'has one that has ended',
    state,
    { entry: { ...entry, staple: { ...newest, usableUntil: NOW } } },
    /^behind: has a staple that ended at 20/,
  ],
  ['has it in its outputs', { ...state, outputs: [output] }, {}, 'live'],
  ['has none', { ...state, stapleSha256: undefined }, {}, 'behind: has no staple'],
  [
    'has another',
    { ...state, stapleSha256: '00' },
    {},
    /^behind: has another staple than .* since/,
  ],
  [
    'has a full disk',
    { ...state, outputs: [output, full] },
    {},
    'behind: /a.ocsp is failed: the disk is full',
  ],
  ['is silent', state, { edge: silent }, /^silent: was last heard of at 20/],
  [
    'has one of its own',
    state,
    { entry: undefined },
    /^behind: .* that the centre does not manage/,
  ],
] as const)('an edge that %s', (_, reported, changes, expected) => {
  const standing = edgeStanding(reported, { edge, entry, now: NOW, ...changes })
  const said = standing.kind === 'live' ? 'live' : `${standing.kind}: ${standing.problem}`
  if (typeof expected === 'string') expect(said).toBe(expected)
  else expect(said).toMatch(expected)
})

test('a certificate is live everywhere when every edge that serves it has it', () => {
  const edges = [edge, { ...edge, name: 'web2' }]
  const why = (states: readonly EdgeState[]) => whyNotOnEdges(entry, { edges, states, now: NOW })
  const second = { ...state, edge: 'web2' }
  expect(why([state])).toBeUndefined()
  expect(why([state, second])).toBeUndefined()
  expect(why([state, { ...second, stapleSha256: undefined }])).toBe('web2 has no staple')
  expect(why([])).toMatch(/no edge has reported/)
})
