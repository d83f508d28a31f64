import { describe, expect, it } from 'vitest'
import { epochMs, plus } from '../der/time.ts'
import type { ProbeResult } from '../store/store.ts'
import { serverLines, serverReport } from './status-servers.ts'

const at = epochMs(1_800_000_000_000)
const terminal = { out: () => {}, err: () => {}, colours: 'no' } as const
const good: ProbeResult = {
  target: 'a.test:443',
  certificate: { id: 'ab'.repeat(32), name: 'a.test' },
  outcome: 'stapled',
  problem: undefined,
  since: at,
  checkedAt: plus(at, 60_000),
  handshakes: 4,
  stapled: 3,
  countedSince: at,
}
const away: ProbeResult = {
  ...{ ...good, target: 'b.test:443', certificate: undefined, handshakes: 0, stapled: 0 },
  ...{ outcome: 'timeout', problem: 'no\nanswer' },
}

describe('servers in status', () => {
  it('are a line each, under the share of them that is well', () => {
    const reports = [good, { ...good, target: 'c.test:1' }, away].map(serverReport)
    expect(serverLines(terminal, reports, plus(at, 72_000))).toEqual([
      '2 of 3 servers staple as they should',
      '+  a.test:443  a.test  stapled since 2027-01-15T08:00:00Z; 3 of 4 handshakes stapled since 2027-01-15T08:00:00Z; checked 12s ago',
      '+  c.test:1    a.test  stapled since 2027-01-15T08:00:00Z; 3 of 4 handshakes stapled since 2027-01-15T08:00:00Z; checked 12s ago',
      '-  b.test:443  -       timeout since 2027-01-15T08:00:00Z: no answer; 0 of 0 handshakes stapled since 2027-01-15T08:00:00Z; checked 12s ago',
    ])
  })

  it('are counted once, with the worst of their certificates', () => {
    const reports = [good, { ...good, outcome: 'expired', problem: 'old' }].map(serverReport)
    const [title] = serverLines(terminal, reports, at)
    expect(title).toBe('0 of 1 servers staple as they should')
  })

  it('are not spoken of where none are watched', () => {
    expect(serverLines(terminal, [], at)).toEqual([])
  })

  it('have every field for scripts, null where there is none', () => {
    expect(serverReport(away)).toEqual({
      server: 'b.test:443',
      certificate: null,
      outcome: 'timeout',
      problem: 'no\nanswer',
      since: '2027-01-15T08:00:00Z',
      checkedAt: '2027-01-15T08:01:00Z',
      handshakes: 0,
      stapled: 0,
      countedSince: '2027-01-15T08:00:00Z',
    })
  })
})
