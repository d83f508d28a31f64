import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { durationMs, MINUTE_MS } from '../der/time.ts'
import { MemoryStore } from '../lab/memory-store.ts'
import { certificate, NOW, schedule, staple } from '../store/_records.ts'
import { stapleDigest } from '../store/staple-digest.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { EdgeWatch } from './edge-watch.ts'

const { id } = certificate(1)
let store: MemoryStore
let clock: SimulatedClock
let told: string[]
let watch: EdgeWatch
let stop: AbortController
let ended: Promise<void>
beforeEach(async () => {
  store = new MemoryStore()
  clock = new SimulatedClock(NOW)
  told = []
  watch = new EdgeWatch({
    ...{ store, clock },
    events: {
      edgeSilent: ({ edge }) => told.push(`${edge} silent`),
      edgeBehind: ({ edge, certificates, problem }) =>
        told.push(`${edge} behind ${certificates}: ${problem}`),
      edgeWell: ({ edge }) => told.push(`${edge} well`),
      storeFailed: ({ error }) => told.push(String(error)),
    },
  })
  await store.putCertificates([certificate(1, { name: 'a.test' })], NOW)
  await renew(1)
  stop = new AbortController()
  ended = watch.run(stop.signal)
})
afterEach(async () => {
  stop.abort()
  await ended
})

async function renew(number: number): Promise<void> {
  await store.complete(id, schedule(), { staple: staple(number, { servedFrom: clock.now() }) })
}

/** An edge says that it has this staple. */
async function report(number: number): Promise<void> {
  const stapleSha256 = stapleDigest(staple(number).der)
  const state = { edge: 'web1', id, stapleSha256, since: NOW, outputs: [], probe: undefined }
  await store.putEdge({ name: 'web1', seenAt: clock.now(), version: '1' }, [state], 'all')
}

async function look(): Promise<void> {
  await clock.advance(durationMs(5 * MINUTE_MS + 10))
}

describe('a watch of edges', () => {
  it('tells of one that is silent, and of its return, once each', async () => {
    await report(1)
    for (let looks = 0; looks < 4; looks++) await look()
    expect(told).toEqual(['web1 silent'])
    expect(watch.counts).toEqual({ well: 0, behind: 0, silent: 1 })
    await report(1)
    await look()
    await look()
    expect(told).toEqual(['web1 silent', 'web1 well'])
  })

  it('tells of one that stays behind, not of one to which a staple is on its way', async () => {
    const looks = async (number: number) => {
      await report(number)
      await look()
    }
    await looks(1)
    await renew(2)
    await looks(1)
    await looks(2)
    await renew(3)
    await looks(2)
    expect(told).toEqual([])
    await looks(2)
    await looks(2)
    expect(told).toEqual([expect.stringMatching(/^web1 behind 1: a.test has another staple/)])
    expect(watch.counts).toEqual({ well: 0, behind: 1, silent: 0 })
    await looks(3)
    expect(told.slice(1)).toEqual(['web1 well'])
  })

  it('forgets one that was removed', async () => {
    await report(1)
    await look()
    await store.removeEdge('web1')
    await look()
    expect(watch.counts).toEqual({ well: 0, behind: 0, silent: 0 })
    expect(told).toEqual([])
  })
})
