import { describe, expect, it } from 'vitest'
import { explain } from '../ocsp/explain.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { metricsText } from '../serve/metrics-text.ts'
import { checkOf, now, pki, staple, stapled } from './_setup.ts'
import { probeMetrics } from './probe-metrics.ts'
import type { FailedCheck } from './server-check.ts'
import { share, Tally } from './tally.ts'

const explanation = explain({
  response: staple(),
  certificate: pki.leaf.certificate,
  issuer: pki.issuer.certificate,
  now,
  policy: defaultPolicy,
  servedChain: undefined,
})
const good = { ...stapled, staple: { ...explanation, sha256: '' } }
const none = { ...stapled, outcome: 'none-sent' } as const
const away: FailedCheck = {
  kind: 'failed',
  tls: '1.2',
  key: 'rsa',
  reason: 'connection-refused',
  problem: 'nobody listens there',
}

function tallied(...checks: readonly ReturnType<typeof checkOf>[]): Tally {
  const tally = new Tally()
  for (const check of checks) tally.add(check)
  return tally
}

describe('Tally', () => {
  it('counts handshakes by how they ended', () => {
    const { counts } = tallied(checkOf(good, good), checkOf(good, none))
    expect(counts.map(({ outcome, handshakes }) => [outcome, handshakes])).toEqual([
      ['stapled', 3],
      ['none-sent', 1],
    ])
    expect(share(counts)).toEqual({ good: 3, all: 4 })
  })
  it('counts a server that is away for as many handshakes as when it was there', () => {
    const gone = checkOf(away, away, away, away)
    expect(share(tallied(checkOf(good, good, away, away), gone).counts)).toEqual({
      good: 2,
      all: 6,
    })
    expect(share(tallied(gone).counts)).toEqual({ good: 0, all: 1 })
  })
  it('forgets the staple of a server that staples no longer', () => {
    expect(tallied(checkOf(good)).lastStaples).toMatchObject([{ certificate: 'www.test' }])
    expect(tallied(checkOf(good), checkOf(none)).lastStaples).toEqual([])
    expect(tallied(checkOf(good), checkOf(away)).lastStaples).toHaveLength(1)
  })
})

describe('probeMetrics()', () => {
  it('is text that Prometheus reads', () => {
    const certificate = { ...good.certificate, name: 'a"b\\c' }
    const tally = tallied(checkOf({ ...good, certificate }), checkOf(away))
    const text = metricsText(probeMetrics(tally))
    expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
      'everstaple_probe_handshakes_total{server="www.test:443",certificate="a\\"b\\\\c",key="ecdsa",outcome="stapled"} 1',
      'everstaple_probe_handshakes_total{server="www.test:443",certificate="",key="",outcome="connection-refused"} 1',
      'everstaple_probe_usable_until_timestamp_seconds{server="www.test:443",certificate="a\\"b\\\\c",key="ecdsa"} 1795564500',
      'everstaple_probe_last_check_timestamp_seconds{server="www.test:443"} 1795478400',
      '',
    ])
    expect(text).toMatch(/^# HELP everstaple_probe_handshakes_total .*\n# TYPE .* counter\n/)
  })
})
