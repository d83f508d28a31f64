import { describe, expect, it } from 'vitest'
import { durationMs, iso, MINUTE_MS } from '../der/time.ts'
import { MemoryStore } from '../lab/memory-store.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { checkOf, now, stapled } from './_setup.ts'
import type { CheckedHandshake, FailedCheck } from './server-check.ts'
import { ServerWatch } from './server-watch.ts'
import { parseTarget } from './target.ts'

const none: CheckedHandshake = { ...stapled, outcome: 'none-sent' }
const away: FailedCheck = {
  ...{ kind: 'failed', tls: '1.2', key: 'rsa' },
  ...{ reason: 'timeout', problem: 'no answer' },
}
const targets = ['www.test:443'].flatMap((text) => parseTarget(text) ?? [])

/** Watches one server, which answers each check with the next of these, one a minute; the last check is the last of them. */
async function watch(
  answers: readonly (readonly CheckedHandshake[] | Error)[],
  { store = new MemoryStore(), clock = new SimulatedClock(now), watched = targets } = {},
) {
  const told: string[] = []
  const left = answers.values()
  const server = new ServerWatch({
    ...{ targets: watched, every: durationMs(MINUTE_MS), store, clock, random: () => 0.5 },
    async check() {
      const answer = left.next().value ?? []
      if (answer instanceof Error) throw answer
      return { ...checkOf(...answer), at: iso(clock.now()) }
    },
    events: {
      serverTroubled: ({ level, summary }) => told.push(`${level}: ${summary}`),
      serverWell: ({ summary, after }) => told.push(`after ${after / MINUTE_MS}: ${summary}`),
      serverNotJudged: ({ error }) => told.push(`not judged: ${String(error)}`),
      storeFailed: ({ error }) => told.push(`store: ${String(error)}`),
    },
  })
  const ending = new AbortController()
  const running = server.run(ending.signal)
  await clock.advance(durationMs((answers.length - 0.5) * MINUTE_MS))
  ending.abort()
  await running
  return { told, server, store, clock }
}

describe('ServerWatch', () => {
  it('tells what is wrong with a server once, and when it is well again', async () => {
    const { told } = await watch([[stapled], [none], [none], [away], [none], [stapled], [stapled]])
    expect(told).toEqual([
      expect.stringMatching(/^CRITICAL: 1 of 1 handshakes without a good staple: none-sent/),
      'UNKNOWN: no answer',
      expect.stringMatching(/^CRITICAL: 1 of 1 /),
      'after 4: 1 of 1 handshakes stapled',
    ])
  })

  it('tells what is wrong at its first check', async () => {
    expect((await watch([[none]])).told).toHaveLength(1)
  })

  it('keeps and counts what it found', async () => {
    const { store, server } = await watch([
      [stapled, stapled],
      [none, none],
    ])
    const [kept, ...others] = await store.probes()
    expect(others).toEqual([])
    expect(kept).toMatchObject({ target: 'www.test:443', outcome: 'none-sent', countedSince: now })
    expect([kept?.handshakes, kept?.stapled]).toEqual([4, 2])
    expect(server.tally.counts.map(({ handshakes }) => handshakes)).toEqual([2, 2])
  })

  it('goes on after a restart where it was, and counts anew', async () => {
    const { store, clock } = await watch([[none], [none]])
    const restartedAt = clock.now()
    await watch([[none]], { store, clock })
    const [kept] = await store.probes()
    expect(kept).toMatchObject({ since: now, handshakes: 1, countedSince: restartedAt })
  })

  it('forgets servers that are no longer watched', async () => {
    const { store } = await watch([[stapled]])
    await watch([[stapled]], { store, watched: [] })
    expect(await store.probes()).toEqual([])
  })

  it('outlives a check that breaks down', async () => {
    const { told, store } = await watch([new Error('a fault of ours'), [stapled]])
    expect(told).toEqual([
      'not judged: Error: a fault of ours',
      'UNKNOWN: no handshake came about',
      'after 1: 1 of 1 handshakes stapled',
    ])
    expect(await store.probes()).toMatchObject([{ outcome: 'stapled' }])
  })

  it('goes on where the store does not keep what it found', async () => {
    const store = new MemoryStore()
    store.putProbes = () => Promise.reject(new Error('disk full'))
    const { told, server } = await watch([[stapled], [stapled]], { store })
    expect(told).toEqual(['store: Error: disk full', 'store: Error: disk full'])
    expect(server.tally.counts).toMatchObject([{ handshakes: 2 }])
  })
})
