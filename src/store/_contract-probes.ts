import { expect, it } from 'vitest'
import { HOUR_MS, plus } from '../der/time.ts'
import { certificate, NOW } from './_records.ts'
import type { ProbeResult, Store } from './store.ts'

/** The part of the contract about what checks of servers found. */
export function keepsProbes(store: () => Store, reopen: () => Promise<void>): void {
  it('gives back every field of probe results, sorted, also after it was opened again', async () => {
    await store().putProbes('b.test:443', [{ ...away, target: 'b.test:443' }])
    await store().putProbes('a.test:443', [good, bad, away])
    await reopen()
    const expected = [away, good, bad, { ...away, target: 'b.test:443' }]
    expect(await store().probes()).toEqual(expected)
  })

  it('replaces those of one server as a whole', async () => {
    await store().putProbes('b.test:443', [{ ...good, target: 'b.test:443' }])
    await store().putProbes('a.test:443', [good, away])
    const later = { ...good, outcome: 'expired', since: plus(NOW, HOUR_MS), handshakes: 6 }
    await store().putProbes('a.test:443', [later])
    await store().putProbes('b.test:443', [])
    await store().putProbes('unknown.test:443', [])
    expect(await store().probes()).toEqual([later])
  })
}

const [one, two] = [certificate(1), certificate(2)]
const good: ProbeResult = {
  target: 'a.test:443',
  certificate: { id: one.id, name: one.name },
  outcome: 'stapled',
  problem: undefined,
  since: NOW,
  checkedAt: plus(NOW, 3),
  handshakes: 4,
  stapled: 2,
  countedSince: plus(NOW, -1),
}
const bad: ProbeResult = {
  ...good,
  certificate: { id: two.id, name: two.name },
  outcome: 'none-sent',
  problem: 'there is no staple',
}
const away: ProbeResult = { ...bad, certificate: undefined, outcome: 'timeout' }
