import { beforeEach, describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, epochMs, HOUR_MS, MINUTE_MS, plus } from '../der/time.ts'
import { unknownHabits } from '../responders/cadence.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { ResponderBook } from './responder-book.ts'

const start = epochMs(1_800_000_000_000)
const sick = 'http://sick.test'
let clock: SimulatedClock
let log: string[]
let book: ResponderBook

beforeEach(() => {
  clock = new SimulatedClock(start)
  log = []
  book = new ResponderBook({
    limits: { concurrency: 8, ratePerSecond: 100 },
    clock,
    random: () => 1,
    events: {
      responderAway: ({ responder }) => log.push(`away ${responder}`),
      responderBack: ({ responder, after }) => log.push(`back ${responder} ${after}`),
    },
  })
})

function fetchThatIs(kind: 'answered' | 'trouble', url: 'there' | 'gone' = 'there'): void {
  book.end(sick, book.begin(sick), { kind, requests: 1, retryAfter: undefined, url })
}

function renewal() {
  const thisUpdate = plus(start, HOUR_MS)
  return {
    before: { thisUpdate: start },
    after: { thisUpdate, nextUpdate: plus(thisUpdate, DAY_MS) },
    seenAt: thisUpdate,
    sameAt: undefined,
  }
}

describe('the book of responders', () => {
  it('tells when one is away and when it is back, once', async () => {
    for (let i = 0; i < 6; i++) fetchThatIs('trouble')
    await clock.advance(durationMs(MINUTE_MS))
    fetchThatIs('answered')
    fetchThatIs('answered')
    expect(log).toEqual([`away ${sick}`, `back ${sick} ${MINUTE_MS}`])
  })

  it('has room for each, whatever becomes of the others', () => {
    for (let i = 0; i < 5; i++) fetchThatIs('trouble')
    expect([book.room(sick), book.roomIn(sick), book.room('http://well.test')]).toEqual([
      0, 2_000, 4,
    ])
  })

  it('gives what has changed, once', () => {
    book.learn(sick, renewal())
    const [record, ...others] = book.takeChanges()
    expect(others).toEqual([])
    expect(record).toMatchObject({
      responder: sick,
      habits: { renewal: HOUR_MS, validity: DAY_MS, seen: 1 },
      health: { state: 'closed', since: start },
    })
    expect(book.takeChanges()).toEqual([])
  })

  it('knows since when nobody answers there any more, over a restart, until somebody does', async () => {
    fetchThatIs('answered', 'gone')
    await clock.advance(durationMs(DAY_MS))
    fetchThatIs('trouble', 'gone')
    expect(book.goneSince(sick)).toBe(start)
    const kept = book.takeChanges()
    fetchThatIs('answered')
    expect(book.goneSince(sick)).toBeUndefined()
    book.load(kept)
    expect(book.goneSince(sick)).toBe(start)
  })

  it('takes in habits of an earlier run, and believes that whoever was away may be back', () => {
    const habits = { ...unknownHabits, renewal: durationMs(HOUR_MS), seen: 3 }
    const health = { state: 'open', since: start } as const
    book.load([{ responder: sick, habits, health, goneSince: undefined }])
    expect([book.habits(sick), book.room(sick)]).toEqual([habits, 4])
    expect(book.habits('http://other.test')).toEqual(unknownHabits)
  })
})
