import { describe, expect, it, test } from 'vitest'
import { durationMs, epochMs, HOUR_MS, plus, SECOND_MS } from '../der/time.ts'
import type { Attempt } from '../responders/fetch-staple.ts'
import { responderHeaders } from '../responders/responder-headers.ts'
import { ClockComparison } from './clock-comparison.ts'

const now = epochMs(Date.UTC(2026, 10, 24, 4))

/** An answer that took a tenth of a second, by a responder whose clock is `theirs` seconds ahead of ours. */
function answer(theirs: number, headers: Record<string, string> = {}): Attempt {
  const date = new Date(now + theirs * SECOND_MS).toUTCString()
  return {
    url: 'http://ocsp.lab.test/',
    method: 'GET',
    connection: 'kept',
    at: now,
    elapsed: durationMs(100),
    remoteAddress: '192.0.2.1',
    statusCode: 200,
    headers: responderHeaders({ date, ...headers }, now),
    outcome: 'newer',
    problem: undefined,
    thisUpdate: undefined,
    nextUpdate: undefined,
  }
}

/** What is told when these answers come, each from a responder of its own. */
function told(...answers: readonly Attempt[]): unknown[] {
  const events: unknown[] = []
  const clocks = new ClockComparison({ clockDiffers: (event) => events.push(event) })
  for (const [i, each] of answers.entries()) clocks.look(`http://${i}.test`, [each], now)
  return events
}

describe('the clock of this machine', () => {
  test.each<[string, Attempt, readonly unknown[]]>([
    ['is right', answer(0), []],
    ['is 29 seconds behind', answer(29), []],
    ['is 30 seconds ahead: a Date is a whole second', answer(-30), []],
    ['is a minute ahead', answer(-60), [{ ahead: 59 * SECOND_MS, responders: 1 }]],
    ['is a minute behind', answer(60), [{ ahead: 100 - 60 * SECOND_MS, responders: 1 }]],
    ['cannot be compared with what a cache keeps', answer(-60, { age: '60' }), []],
    ['cannot be compared with a Date that is none', answer(0, { date: 'yesterday' }), []],
  ])('%s', (_, attempt, events) => expect(told(attempt)).toEqual(events))

  it('is right where most responders say so', () => {
    expect(told(answer(0), answer(1), answer(300), answer(-300), answer(300))).toEqual([])
  })

  it('is told of once an hour', () => {
    const events: unknown[] = []
    const clocks = new ClockComparison({ clockDiffers: (event) => events.push(event) })
    for (let minute = 0; minute <= 60; minute++) {
      clocks.look('http://a.test', [answer(-90)], plus(now, (minute * HOUR_MS) / 60))
    }
    expect(events).toHaveLength(2)
  })
})
