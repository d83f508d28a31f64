import { expect, it } from 'vitest'
import { durationMs, SECOND_MS } from '../../src/der/time.ts'
import { runTrial, trialReport } from './_handshakes/trial.ts'
import { describeWith } from './_peer.ts'

describeWith(['nginx', 'haproxy'], '2,000 handshakes with nginx, HAProxy and Node.js', () => {
  it('are all stapled, in refreshes, reloads, failures of the responder and kill -9 of everstaple', async () => {
    const life = durationMs(20 * SECOND_MS)
    const trial = await runTrial({ handshakes: 2_000, life, connections: 2, pauseMs: 10 })
    const report = trialReport(trial)
    expect(
      trial.tallies.map(({ server, missed }) => [server, [...missed]]),
      report,
    ).toEqual([
      ['nginx', []],
      ['HAProxy', []],
      ['Node.js', []],
    ])
    for (const { stapled } of trial.tallies) expect(stapled, report).toBeGreaterThan(200)
    process.stderr.write(`${report}\n`)
  })
})
