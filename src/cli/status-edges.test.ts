import { describe, expect, it } from 'vitest'
import { HOUR_MS, iso, MINUTE_MS, plus, SECOND_MS } from '../der/time.ts'
import { certificate, NOW, schedule, staple } from '../store/_records.ts'
import { stapleDigest } from '../store/staple-digest.ts'
import type { EdgeState, Entry } from '../store/store.ts'
import { edgeLines, edgeReport } from './status-edges.ts'

const terminal = { out: () => {}, err: () => {}, colours: 'no' } as const
const edge = { name: 'web1', seenAt: plus(NOW, -10 * SECOND_MS), version: '1.0.0' }
const entry: Entry = {
  ...{ certificate: certificate(1, { name: 'a.test' }), schedule: schedule() },
  ...{ staple: staple(2), former: undefined },
}
const output = {
  ...({ output: '{source}.ocsp', place: '/a.ocsp', state: 'live', since: NOW } as const),
  ...{ stapleSha256: stapleDigest(staple(2).der), problem: undefined },
}
const state: EdgeState = {
  ...{ edge: 'web1', id: certificate(1).id, since: NOW, outputs: [output] },
  ...{ stapleSha256: stapleDigest(staple(2).der), probe: { at: edge.seenAt, outcome: 'stapled' } },
}
const unseen = { ...state, probe: { at: plus(NOW, -3 * MINUTE_MS), outcome: 'none-sent' } }
const bare = { ...state, stapleSha256: undefined }
const silent = { ...edge, seenAt: plus(NOW, -HOUR_MS) }
const digest = stapleDigest(staple(2).der)

function lines(of: typeof edge, states: readonly EdgeState[], which?: string): string[] {
  const report = edgeReport(
    of,
    states.map((one) => ({ state: one, entry })),
    NOW,
  )
  return edgeLines(terminal, [report], { which, now: NOW })
}

describe('edges in status', () => {
  it.each([
    ['are well', edge, [state], ['+  web1  1 of 1 live  heard of 10s ago  agent 1.0.0']],
    [
      'are behind, with what',
      edge,
      [state, bare],
      ['-  web1  1 of 2 live  heard of 10s ago  agent 1.0.0', '    web1: a.test has no staple'],
    ],
    [
      'are well, and a server there gave no staple',
      edge,
      [unseen],
      [
        '!  web1  1 of 1 live  heard of 10s ago  agent 1.0.0',
        '    web1: a.test probed 3m ago: none-sent',
      ],
    ],
    ['are silent', silent, [state], ['-  web1  silent for 1h  heard of 1h ago  agent 1.0.0']],
  ])('%s', (_, of, states, expected) => {
    expect(lines(of, states)).toEqual(expected)
  })

  it('say of a certificate that is asked for what is live since when, where, and what was seen', () => {
    expect(lines(edge, [state], 'a.test').slice(1)).toEqual([
      `    web1: a.test has staple ${digest.slice(0, 16)} since ${iso(NOW)}`,
      `    web1: a.test /a.ocsp live since ${iso(NOW)}`,
      '    web1: a.test probed 10s ago: stapled',
    ])
  })

  it('have every field for scripts, null where there is none', () => {
    const { probe: _, ...unprobed } = bare
    const states = [{ state: { ...unprobed, probe: undefined }, entry: undefined }]
    const { staples, behind } = edgeReport(edge, states, NOW)
    const of = { name: state.id.slice(0, 16), fingerprint: state.id }
    expect(behind).toEqual([
      { ...of, problem: 'has a certificate that the centre does not manage' },
    ])
    const outputs = [{ ...output, problem: null, since: iso(NOW) }]
    expect(staples).toEqual([{ ...of, stapleSha256: null, since: iso(NOW), outputs, probe: null }])
  })
})
