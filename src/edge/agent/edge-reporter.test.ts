import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, MINUTE_MS, plus, SECOND_MS } from '../../der/time.ts'
import { MemoryStore } from '../../lab/memory-store.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import type { EdgeReport } from '../../serve/edge-report.ts'
import { certificate, NOW, schedule, staple } from '../../store/_records.ts'
import { servedStaple } from '../../store/served-staple.ts'
import { stapleDigest } from '../../store/staple-digest.ts'
import type { ProbeResult } from '../../store/store.ts'
import { SimulatedClock } from '../../time/simulated-clock.ts'
import { EdgeReporter } from './edge-reporter.ts'

let store: MemoryStore
let clock: SimulatedClock
let reports: EdgeReport[]
let problem: string | undefined
let log: string[]
let reporter: EdgeReporter
let stop: AbortController
let ended: Promise<void>
beforeEach(async () => {
  store = new MemoryStore()
  clock = new SimulatedClock(NOW)
  reports = []
  log = []
  problem = undefined
  stop = new AbortController()
  await store.putCertificates(
    [certificate(1), certificate(2), certificate(3, { classification: 'crl-only' })],
    NOW,
  )
  await complete(1)
  await probe('www:443', { outcome: 'none-sent', problem: 'there is no staple' })
  reporter = new EdgeReporter({
    edge: 'web1',
    version: '1.0.0',
    centre: {
      async report(_, report) {
        if (problem !== undefined) throw new Error(problem)
        reports.push(report)
      },
    },
    store,
    staples: { byId: async (id) => asStaple(await served(id)) },
    clock,
    events: { reportFailed: (event) => log.push(event.problem) },
  })
})
afterEach(async () => {
  stop.abort()
  await ended
})

/** Notes what a server with the second certificate gave. */
async function probe(
  target: string,
  found: Pick<ProbeResult, 'outcome' | 'problem'> & Partial<ProbeResult>,
): Promise<void> {
  await store.putProbes(target, [
    {
      ...{ target, certificate: { id: certificate(2).id, name: 'www' } },
      ...{ since: NOW, checkedAt: NOW, handshakes: 1, stapled: 0, countedSince: NOW },
      ...found,
    },
  ])
}

async function served(id: string): Promise<ReturnType<typeof staple> | undefined> {
  const entry = await store.entry({ id })
  return entry && servedStaple(entry, clock.now())
}

function digestOf({ stapleSha256 }: EdgeReport['states'][number]): string | undefined {
  return stapleSha256
}

function asStaple(record: ReturnType<typeof staple> | undefined): Staple | undefined {
  return record && { ...record, status: 'good' }
}

async function complete(number: number): Promise<void> {
  const kept = staple(number, { usableUntil: plus(NOW, DAY_MS) })
  await store.complete(certificate(number).id, schedule(), { staple: kept })
}

async function pass(duration: number): Promise<void> {
  await expect.poll(() => clock.sleeping).toBe(1)
  await clock.advance(durationMs(duration))
  await expect.poll(() => clock.sleeping).toBe(1)
}

describe('an edge', () => {
  it('tells all of its certificates that can have a staple, then what changes', async () => {
    ended = reporter.run(stop.signal)
    await pass(0)
    const [first, second] = reports[0]?.states ?? []
    expect(reports[0]).toMatchObject({ version: '1.0.0', extent: 'all' })
    expect(first).toMatchObject({ edge: 'web1', id: certificate(1).id, outputs: [] })
    expect(first?.stapleSha256).toMatch(/^[\da-f]{64}$/)
    expect(second).toMatchObject({ stapleSha256: undefined, probe: { outcome: 'none-sent' } })
    expect(reports[0]?.states).toHaveLength(2)
    await complete(2)
    reporter.changed(certificate(2).id)
    await pass(SECOND_MS)
    const { extent, states } = reports[1] ?? {}
    expect({ extent, ids: states?.map(({ id }) => id) }).toEqual({
      extent: 'some',
      ids: [certificate(2).id],
    })
  })

  it('tells of several servers with one certificate what is wrong with any', async () => {
    const later = { checkedAt: plus(NOW, SECOND_MS) }
    await probe('a:443', { outcome: 'stapled', problem: undefined, ...later })
    await probe('z:443', { outcome: 'stapled', problem: undefined, ...later })
    ended = reporter.run(stop.signal)
    await pass(0)
    expect(reports[0]?.states[1]?.probe).toEqual({ at: NOW, outcome: 'none-sent' })
  })

  it('says every minute that it is alive', async () => {
    ended = reporter.run(stop.signal)
    await pass(MINUTE_MS)
    await pass(SECOND_MS)
    await pass(MINUTE_MS)
    // First, what a server gave.
    const [, probed, ...others] = reports
    expect(probed?.states.map(({ id }) => id)).toEqual([certificate(2).id])
    expect(others).toEqual([{ version: '1.0.0', extent: 'some', states: [] }])
  })

  it('tells when it goes over to a staple that had to wait', async () => {
    const { id } = certificate(1)
    const early = { usableUntil: plus(NOW, DAY_MS), servedFrom: plus(NOW, 90 * SECOND_MS) }
    await store.complete(id, schedule(), { staple: staple(7, early) })
    ended = reporter.run(stop.signal)
    await pass(0)
    const digests = () =>
      reports.flatMap(({ states }) => states.filter((one) => one.id === id)).map(digestOf)
    for (let minute = 0; minute < 3; minute++) {
      await pass(MINUTE_MS)
      await pass(SECOND_MS)
    }
    expect(digests()).toEqual([stapleDigest(staple(1).der), stapleDigest(staple(7).der)])
  })

  it('tells all again when a report was lost', async () => {
    ended = reporter.run(stop.signal)
    await pass(0)
    problem = 'the centre is away'
    reporter.changed(certificate(1).id)
    await pass(SECOND_MS)
    problem = undefined
    await pass(MINUTE_MS)
    expect(log).toEqual(['the centre is away'])
    expect(reports.map(({ extent }) => extent)).toEqual(['all', 'all'])
  })
})
