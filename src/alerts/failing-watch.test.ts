import { describe, expect, it, test } from 'vitest'
import { DAY_MS, durationMs, epochMs, HOUR_MS, MINUTE_MS, plus, SECOND_MS } from '../der/time.ts'
import { FailingWatch, type Failure } from './failing-watch.ts'

const START = epochMs(1_800_000_000_000)
const certificate = { id: 'ab', name: 'www.test', mustStaple: true, sources: [] }
const at = (elapsed: number, step = 0) => ({
  now: plus(START, elapsed + step),
  elapsed: durationMs(elapsed),
})
/** A staple that was good from `from` to `to`, counted from the start. */
const staple = (from: number, to: number) => ({
  thisUpdate: plus(START, from),
  usableUntil: plus(START, to),
})
const failure = (of: Failure['staple']): Failure => ({
  certificate,
  problem: 'no answer',
  staple: of,
})

describe('a certificate that fails from the start on is told of', () => {
  const week = (age: number) => staple(-age, 7 * DAY_MS - age)
  test.each<[string, Failure['staple'], number]>([
    ['when a quarter of its week is left', week(2 * DAY_MS), 3.25 * DAY_MS],
    ['when a quarter of its hour is left', staple(0, HOUR_MS), 45 * MINUTE_MS],
    ['after five minutes where less is left', week(6 * DAY_MS), 5 * MINUTE_MS],
    ['sooner where lives are short', staple(-9 * SECOND_MS, SECOND_MS), 0.5 * SECOND_MS],
    ['five minutes later where it ended before', week(8 * DAY_MS), 5 * MINUTE_MS],
    ['after a quarter of an hour where it never had one', undefined, 15 * MINUTE_MS],
  ])('%s', (_, of, expected) => {
    const watch = new FailingWatch()
    watch.failed(failure(of), at(0))
    expect(watch.dueIn(at(0))).toBe(expected)
    expect(watch.takeDue(at(expected - 1))).toEqual([])
    expect(watch.takeDue(at(expected))).toHaveLength(1)
  })
})

describe('FailingWatch', () => {
  const failing = (of?: Failure['staple']) => {
    const watch = new FailingWatch()
    watch.failed(failure(of), at(0))
    return watch
  }

  it('tells what went wrong last, and until when the staple lasts', () => {
    const watch = failing(staple(0, 4 * HOUR_MS))
    watch.failed({ ...failure(undefined), problem: 'answered 500' }, at(HOUR_MS))
    expect(watch.takeDue(at(3 * HOUR_MS))).toEqual([
      {
        type: 'certificate.failing',
        at: plus(START, 3 * HOUR_MS),
        certificate,
        reason: 'answered 500; the staple in hand lasts until 2027-01-15T12:00:00Z',
        usableUntil: plus(START, 4 * HOUR_MS),
      },
    ])
  })
  it('tells of none that is past its use', () => {
    const [alert] = failing(staple(0, HOUR_MS)).takeDue(at(2 * HOUR_MS))
    const reason = 'no answer; it has no staple'
    expect(alert).toMatchObject({ usableUntil: undefined, reason })
  })
  it('tells again once a day while it lasts, however often it fails', () => {
    const watch = failing()
    const told: number[] = []
    for (let hour = 1; hour <= 73; hour++) {
      watch.failed(failure(undefined), at(hour * HOUR_MS))
      if (watch.takeDue(at(hour * HOUR_MS)).length > 0) told.push(hour)
    }
    expect(told).toEqual([1, 25, 49, 73])
  })
  it('waits as long when the wall clock steps while there is no staple', () => {
    const watch = failing()
    expect(watch.takeDue(at(MINUTE_MS, DAY_MS))).toEqual([])
    expect(watch.takeDue(at(15 * MINUTE_MS, -DAY_MS))).toHaveLength(1)
  })

  const why = { reason: 'a staple came', usableUntil: plus(START, DAY_MS) }
  it('tells of the end of what it told of, once', () => {
    const watch = failing()
    const { now } = at(HOUR_MS)
    watch.takeDue(at(HOUR_MS))
    expect([1, 2].map(() => watch.settled(certificate, why, at(HOUR_MS)))).toEqual([
      { type: 'certificate.recovered', at: now, certificate, ...why },
      undefined,
    ])
    expect(watch.dueIn(at(HOUR_MS))).toBeUndefined()
  })
  it('says nothing of the end of what nobody was told of', () => {
    expect(failing().settled(certificate, why, at(MINUTE_MS))).toBeUndefined()
  })
  it('takes a good answer with nothing newer as the end of what nobody was told of only', () => {
    const [quiet, told] = [failing(), failing()]
    told.takeDue(at(HOUR_MS))
    for (const watch of [quiet, told]) watch.answered('ab')
    expect([quiet.isFailing('ab'), told.isFailing('ab')]).toEqual([false, true])
  })
  it('forgets without a word', () => {
    const watch = failing()
    watch.takeDue(at(HOUR_MS))
    watch.forget('ab')
    expect(watch.settled(certificate, why, at(HOUR_MS))).toBeUndefined()
  })
})
