import { describe, expect, it, test } from 'vitest'
import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import { type Begun, ResponderHealth, type Sign } from './health.ts'

const answered: Sign = { kind: 'answered', requests: 1, retryAfter: undefined, url: 'there' }
const trouble: Sign = { kind: 'trouble', requests: 1, retryAfter: undefined, url: 'there' }
const at = (ms: number): DurationMs => durationMs(ms)

function health(limits: Partial<ConstructorParameters<typeof ResponderHealth>[0]> = {}) {
  return new ResponderHealth({ concurrency: 64, ratePerSecond: 1_000, ...limits }, () => 1)
}

/** Begins as many as there is room for, and ends each with the same sign. */
function round(of: ResponderHealth, sign: Sign, now = at(0)): number {
  const begun: Begun[] = []
  while (of.room(now) > 0) begun.push(of.begin(now))
  for (const each of begun) of.end(each, sign, now)
  return begun.length
}

describe('the window of fetches under way', () => {
  it('starts at four and doubles with each round of answers, up to the ceiling', () => {
    const of = health({ concurrency: 50 })
    const rounds = Array.from({ length: 6 }, () => round(of, answered))
    expect(rounds).toEqual([4, 8, 16, 32, 50, 50])
  })

  it('is halved once by trouble, however much of it was under way, and grows by one a round from then on', () => {
    const of = health({ concurrency: 16 })
    for (let i = 0; i < 3; i++) round(of, answered)
    const begun = Array.from({ length: 16 }, () => of.begin(at(0)))
    for (const each of begun.slice(0, 4)) of.end(each, trouble, at(1))
    for (const each of begun.slice(4)) of.end(each, undefined, at(1))
    expect(of.room(at(1))).toBe(8)
    const rounds = Array.from({ length: 4 }, () => round(of, answered, at(2)))
    expect(rounds).toEqual([8, 8, 9, 10])
  })

  it('is no larger than the ceiling from the beginning', () => {
    expect(health({ concurrency: 2 }).room(at(0))).toBe(2)
  })
})

describe('the rate', () => {
  it('lets a second of requests through at once, and then as many as come up', () => {
    const of = health({ ratePerSecond: 10 })
    for (let i = 0; i < 9; i++) of.end(of.begin(at(0)), answered, at(0))
    expect(of.room(at(0))).toBe(1)
    of.end(of.begin(at(0)), answered, at(0))
    expect([of.room(at(0)), of.roomAt(at(0)), of.room(at(100))]).toEqual([0, 100, 1])
  })

  it('counts the repeats of a fetch', () => {
    const of = health({ ratePerSecond: 10 })
    of.end(of.begin(at(0)), { ...answered, requests: 12 }, at(0))
    expect([of.room(at(0)), of.roomAt(at(0))]).toEqual([0, 300])
  })
})

describe('the breaker', () => {
  /** One after the other. */
  const suffer = (of: ResponderHealth, times: number, now: DurationMs, sign = trouble) => {
    for (let i = 0; i < times; i++) of.end(of.begin(now), sign, now)
  }

  test.each([
    [4, 'closed'],
    [5, 'open'],
  ])('after %i troubles in a row is %s', (times, state) => {
    const of = health()
    suffer(of, times, at(0))
    expect(of.state).toBe(state)
  })

  it('does not open while it says that it is busy, and asks one at a time', () => {
    const of = health()
    suffer(of, 100, at(0), { ...trouble, kind: 'busy' })
    expect([of.state, of.room(at(0))]).toEqual(['closed', 1])
  })

  it('does not open while there are answers between', () => {
    const of = health()
    for (let i = 0; i < 100; i++) {
      suffer(of, 4, at(i))
      suffer(of, 1, at(i), answered)
    }
    expect(of.state).toBe('closed')
  })

  it('lets one probe through after a pause that doubles to a minute', () => {
    const of = health()
    suffer(of, 5, at(0))
    let now = at(0)
    const pauses: number[] = []
    for (let i = 0; i < 8; i++) {
      const next = of.roomAt(now) ?? at(Number.NaN)
      pauses.push((next - now) / SECOND_MS)
      expect([of.room(at(next - 1)), of.room(next)]).toEqual([0, 1])
      now = next
      const probe = of.begin(now)
      expect([of.state, of.room(now), of.roomAt(now)]).toEqual(['half-open', 0, undefined])
      of.end(probe, trouble, now)
    }
    expect(pauses).toEqual([2, 4, 8, 16, 32, 60, 60, 60])
  })

  it('closes with an answer, and begins carefully', () => {
    const of = health()
    suffer(of, 5, at(0))
    of.end(of.begin(at(MINUTE_MS)), answered, at(MINUTE_MS))
    expect([of.state, of.room(at(MINUTE_MS))]).toEqual(['closed', 5])
  })

  it('is not kept open longer by what was under way when it opened', () => {
    const of = health()
    round(of, answered)
    const begun = Array.from({ length: 8 }, () => of.begin(at(0)))
    for (const each of begun) of.end(each, trouble, at(1))
    expect(of.roomAt(at(1))).toBe(1 + 2 * SECOND_MS)
  })

  test.each([
    ['half a minute', 30 * SECOND_MS, 30 * SECOND_MS],
    ['a day', 86_400 * SECOND_MS, 5 * MINUTE_MS],
    ['a second', SECOND_MS, 2 * SECOND_MS],
  ])('opens for as long as Retry-After says: %s', (_, asked, pause) => {
    const of = health()
    suffer(of, 5, at(0), { ...trouble, retryAfter: at(asked) })
    expect(of.roomAt(at(0))).toBe(pause)
  })

  it('learns nothing from a fetch that was broken off', () => {
    const of = health()
    for (let i = 0; i < 10; i++) of.end(of.begin(at(0)), undefined, at(0))
    expect([of.state, of.running, of.room(at(0))]).toEqual(['closed', 0, 4])
  })
})
