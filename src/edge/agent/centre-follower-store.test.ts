import { beforeEach, expect, it } from 'vitest'
import { durationMs, MINUTE_MS, SECOND_MS } from '../../der/time.ts'
import { MemoryStore } from '../../lab/memory-store.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import type { PlacedEvent } from '../../serve/feed-event.ts'
import { StoreError } from '../../store/store.ts'
import { ManualClock } from '../_manual-clock.ts'
import { CentreFollower } from './centre-follower.ts'

let clock: ManualClock
let log: string[]
let connections: number
let unread: Error | undefined
let unwritten: Error | undefined
beforeEach(() => {
  clock = new ManualClock()
  log = []
  connections = 0
  unread = undefined
  unwritten = undefined
})

async function* feed(signal: AbortSignal): AsyncGenerator<PlacedEvent> {
  connections++
  yield { event: { kind: 'current' }, place: 'there' }
  await clock.sleep(durationMs(MINUTE_MS), signal)
}

function follower(): CentreFollower {
  const store = new MemoryStore()
  const tell = (what: string) => () => void log.push(what)
  return new CentreFollower({
    ...{ clock, random: () => 1, policy: defaultPolicy, changed: () => {} },
    centre: { url: 'http://centre', ahead: undefined, changes: (_, signal) => feed(signal) },
    store: {
      entry: (by) => store.entry(by),
      complete: (id, schedule, outcome) => store.complete(id, schedule, outcome),
      withdrawStaple: (id) => store.withdrawStaple(id),
      async certificateIds() {
        if (unread !== undefined) throw unread
        return store.certificateIds()
      },
    },
    whereabouts: {
      read: async () => undefined,
      async write() {
        if (unwritten !== undefined) throw unwritten
      },
    },
    events: {
      centreReached: tell('reached'),
      centreAway: tell('away'),
      stapleReceived: tell('received'),
      stapleNotTaken: tell('not taken'),
      certificateRevoked: tell('revoked'),
      notManaged: tell('not managed'),
      centreClockDiffers: tell('clock'),
      storeFailed: ({ error }) => log.push(`store: ${error instanceof Error && error.message}`),
    },
  })
}

it('does not call the centre away where its own disk fails, and tries again, more and more rarely', async () => {
  unread = new StoreError('the disk is full')
  const stop = new AbortController()
  const run = follower().run(stop.signal)
  await clock.advance(5 * MINUTE_MS)
  const failures = log.length
  expect(new Set(log)).toEqual(new Set(['store: the disk is full']))
  expect(failures).toBeGreaterThan(8)
  expect(failures).toBeLessThan(20)
  unread = undefined
  await clock.advance(31 * SECOND_MS)
  expect(log.slice(failures)).toEqual(['reached'])
  stop.abort()
  await run
})

it('follows on where it cannot keep its place', async () => {
  unwritten = new Error('the disk is read-only')
  const stop = new AbortController()
  const follow = follower()
  const run = follow.run(stop.signal)
  await clock.advance(30 * SECOND_MS)
  expect(log).toEqual(['reached', 'store: the disk is read-only'])
  expect([connections, follow.awayFor]).toEqual([1, undefined])
  stop.abort()
  await run
})
