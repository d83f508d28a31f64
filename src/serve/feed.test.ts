import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, plus, SECOND_MS } from '../der/time.ts'
import { MemoryStore } from '../lab/memory-store.ts'
import { bytes, certificate, NOW, schedule, staple } from '../store/_records.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { ChangeFeed, type FeedFilter } from './feed.ts'
import { decodeFeedEvent, encodeFeedEvent, type PlacedEvent } from './feed-event.ts'

let store: MemoryStore
let clock: SimulatedClock
let feed: ChangeFeed
let stop: AbortController
beforeEach(() => {
  store = new MemoryStore()
  clock = new SimulatedClock(NOW)
  feed = new ChangeFeed({ store, clock, tagsOf: ({ sources }) => sources })
  stop = new AbortController()
})
afterEach(() => stop.abort())

const names = new Map([1, 2, 3, 4].map((number) => [certificate(number).id, number]))

/** What a reader is told: `staple 1`, `current`. */
class Reader {
  readonly events: PlacedEvent[] = []
  readonly followed: Promise<void>

  constructor(filter: Partial<FeedFilter> = {}, place?: string) {
    const sink = {
      write: async (text: string) => {
        for (const block of text.split('\n\n').slice(0, -1)) {
          const event = decodeFeedEvent(block)
          if (typeof event === 'object') this.events.push(event)
        }
      },
    }
    const whole = { fingerprints: [], names: [], tags: [], ...filter }
    this.followed = feed.follow({ filter: whole, place, sink }, stop.signal)
  }

  /** What it was told until there was nothing more to tell. */
  async told(): Promise<string[]> {
    await settled()
    return this.events.map(({ event }) =>
      'fingerprint' in event ? `${event.kind} ${names.get(event.fingerprint)}` : event.kind,
    )
  }

  get place(): string | undefined {
    return this.events.at(-1)?.place
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
  await clock.advance(durationMs(100))
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
}

async function put(...numbers: number[]): Promise<void> {
  await store.putCertificates(
    numbers.map((number) => certificate(number, { name: `www${number}.example.org` })),
    NOW,
  )
  feed.pulse()
}

async function complete(number: number): Promise<void> {
  const { id } = certificate(number)
  const usableUntil = plus(NOW, DAY_MS)
  await store.complete(id, schedule(), { staple: staple(number, { usableUntil }) })
  feed.pulse()
}

describe('the change feed', () => {
  it('tells a newcomer all there is, then what changes', async () => {
    await put(1, 2)
    await complete(1)
    const reader = new Reader()
    expect(await reader.told()).toEqual(['reset', 'missing 2', 'staple 1', 'current'])
    await complete(2)
    await store.removeCertificates([certificate(1).id])
    feed.pulse()
    const later = (await reader.told()).slice(4).filter((line) => line !== 'current')
    expect(later).toEqual(['staple 2', 'removed 1'])
  })

  it('goes on after the place of any event, without loss or repeat', async () => {
    await put(1, 2, 3)
    await complete(1)
    const first = new Reader()
    await first.told()
    stop.abort()
    stop = new AbortController()
    await complete(2)
    await complete(3)
    for (const [at, { place }] of first.events.entries()) {
      const expected = ['missing 2', 'missing 3', 'staple 1'].slice(Math.max(0, at))
      const rest = at === 0 ? ['reset'] : []
      const told = await new Reader({}, place).told()
      // Of 2 and 3 the last change only.
      const left = expected.filter((line) => line === 'staple 1')
      expect(told).toEqual([...rest, ...left, 'staple 2', 'staple 3', 'current'])
    }
  })

  const unknown: readonly (readonly [string, string])[] = [
    ['of another database', 'other-1'],
    ['that is yet to come', 'memory-99'],
    ['that is none', 'what?'],
  ]
  it.each(unknown)('begins anew for a place %s', async (_, place) => {
    await put(1)
    expect(await new Reader({}, place).told()).toEqual(['reset', 'missing 1', 'current'])
  })

  it.each([
    ['by tags begins anew', { tags: ['/etc/ssl/1.pem'] }, ['reset', 'missing 1', 'current']],
    ['by names goes on', { names: ['*'] }, ['current']],
  ])('where tags mean other files, whoever asks %s', async (_, filter, told) => {
    await put(1)
    const before = new Reader(filter)
    await before.told()
    feed = new ChangeFeed({ store, clock, tagsOf: ({ sources }) => sources, tagsVersion: 'b' })
    expect(await new Reader(filter, before.place).told()).toEqual(told)
  })

  const filters: readonly (readonly [Partial<FeedFilter>, readonly string[], readonly string[]])[] =
    [
      [{ fingerprints: [certificate(2).id] }, ['missing 2'], ['staple 2']],
      [{ names: ['www3.*'] }, ['missing 3'], []],
      [
        { names: ['*.EXAMPLE.org'] },
        ['missing 1', 'missing 2', 'missing 3'],
        ['staple 1', 'staple 2'],
      ],
      [
        { fingerprints: [certificate(1).id], names: ['www3.example.org'] },
        ['missing 1', 'missing 3'],
        ['staple 1'],
      ],
      [{ names: ['www'] }, [], []],
      [{ tags: ['/etc/ssl/2.pem', 'other'] }, ['missing 2'], ['staple 2']],
    ]
  it.each(filters)('tells whoever asks for %o of those alone', async (filter, first, then) => {
    await put(1, 2, 3)
    const reader = new Reader(filter)
    expect(await reader.told()).toEqual(['reset', ...first, 'current'])
    const before = reader.events.length
    await complete(1)
    await complete(2)
    const later = (await reader.told()).slice(before).filter((line) => line !== 'current')
    expect(later).toEqual(then)
  })

  it('says every 15 seconds where it is, also when nothing happens', async () => {
    const reader = new Reader({ fingerprints: [certificate(4).id] })
    expect(await reader.told()).toEqual(['reset', 'current'])
    await put(1)
    await clock.advance(durationMs(15 * SECOND_MS))
    expect((await reader.told()).slice(2)).toEqual(['current'])
    expect(reader.place).toBe('memory-1')
  })

  it('hands out no staple past its usableUntil', async () => {
    await put(1)
    await complete(1)
    await clock.advance(durationMs(DAY_MS))
    expect(await new Reader().told()).toEqual(['reset', 'missing 1', 'current'])
  })

  it('tells a revocation apart from a staple that is missing', async () => {
    await put(1)
    await complete(1)
    const { id } = certificate(1)
    await store.withdrawStaple(id)
    const response = bytes(1, 471)
    await store.complete(id, schedule({ revokedAsOf: NOW, revocation: response }))
    const reader = new Reader()
    expect(await reader.told()).toEqual(['reset', 'revoked 1', 'current'])
    expect(reader.events[1]?.event).toMatchObject({ asOf: NOW, response: Buffer.from(response) })
  })

  it('ends with the reader that has gone', async () => {
    const gone = { write: () => Promise.reject(new Error('gone')) }
    const filter = { fingerprints: [], names: [], tags: [] }
    const followed = feed.follow({ filter, place: undefined, sink: gone }, stop.signal)
    await expect(followed).rejects.toThrow('gone')
  })
})

describe('an event of the feed', () => {
  const fingerprint = 'ab'.repeat(32)
  it.each([
    { event: { kind: 'staple', fingerprint, staple: Buffer.from('3003', 'hex') }, place: 'a-1' },
    { event: { kind: 'missing', fingerprint }, place: 'a-2' },
    {
      event: { kind: 'revoked', fingerprint, asOf: NOW, response: Buffer.from('3003', 'hex') },
      place: 'a-2',
    },
    { event: { kind: 'revoked', fingerprint, asOf: NOW, response: undefined }, place: 'a-2' },
    { event: { kind: 'removed', fingerprint }, place: 'a-3' },
    { event: { kind: 'reset' }, place: undefined },
    { event: { kind: 'current' }, place: 'a-3' },
  ] as const)('is read as it was written: $event.kind', (placed) => {
    expect(decodeFeedEvent(encodeFeedEvent(placed).trimEnd())).toEqual(placed)
  })

  it.each([
    'event: staple\ndata: {}',
    'event: staple\ndata: {"fingerprint":"x","staple":""}',
    `event: staple\ndata: {"fingerprint":"${fingerprint}","staple":"?"}`,
    `event: revoked\ndata: {"fingerprint":"${fingerprint}","asOf":"2027-01-15T08:00:00Z","response":"?"}`,
    'event: other\ndata: {}',
    'event: removed\ndata: [',
    'data: 1',
  ])('is refused where it is none: %s', (block) => {
    expect(decodeFeedEvent(block)).toMatch(/is not one of the feed/)
  })

  it('is none in a comment', () => {
    expect(decodeFeedEvent(': still here')).toBeUndefined()
  })
})
