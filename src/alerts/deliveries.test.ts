import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, epochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { type AttemptResult, Deliveries } from './deliveries.ts'

const alertOf = (name: string) => ({
  type: 'certificate.failing' as const,
  at: epochMs(0),
  certificate: { id: name, name, mustStaple: false, sources: [] },
  reason: '',
  usableUntil: undefined,
})
const fails: AttemptResult = { kind: 'failed', problem: 'no', output: '', again: 'yes' }

/** Deliveries to a destination that answers as told; `log` has what happened, with the second. */
function started(answer: (name: string) => AttemptResult | Promise<AttemptResult>, most?: number) {
  const clock = new SimulatedClock(epochMs(1_800_000_000_000))
  const log: string[] = []
  const say = (what: string) => log.push(`${clock.monotonic() / SECOND_MS} ${what}`)
  const deliveries = new Deliveries({
    destination: {
      to: 'there',
      attempt: async ({ id }) => {
        say(`to ${id}`)
        return answer(id)
      },
    },
    clock,
    random: () => 0.5,
    events: {
      alertSent: ({ alert }) => say(`sent ${alert.certificate.name}`),
      alertFailed: ({ alert, retryIn }) => say(`failed ${alert.certificate.name}, in ${retryIn}`),
      alertsDropped: ({ count, oldest, reason }) =>
        say(`dropped ${count} from ${oldest.certificate.name} on: ${reason}`),
    },
    ...(most === undefined ? {} : { mostWaiting: most }),
  })
  const add = (...names: readonly string[]) => {
    for (const name of names) deliveries.add({ id: name, alert: alertOf(name) })
  }
  return { clock, log, deliveries, add }
}

describe('Deliveries', () => {
  it('brings alerts at once, one after the other', async () => {
    const { clock, log, add } = started(() => ({ kind: 'done' }))
    await clock.advance(durationMs(10 * SECOND_MS))
    add('a', 'b')
    await clock.advance(durationMs(0))
    expect(log).toEqual(['10 to a', '10 sent a', '10 to b', '10 sent b'])
  })

  it('tries again with growing waits, as the same message', async () => {
    let left = 4
    const { clock, log, add } = started(() => (left-- > 0 ? fails : { kind: 'done' }))
    add('a')
    await clock.advance(durationMs(HOUR_MS))
    expect(log.filter((line) => line.includes('to'))).toEqual(
      [0, 5, 15, 35, 75].map((second) => `${second} to a`),
    )
    expect(log.at(-1)).toBe('75 sent a')
  })

  it('gives up after a day, having tried once an hour at most', async () => {
    const { clock, log, add } = started(() => fails)
    add('a')
    await clock.advance(durationMs(3 * DAY_MS))
    expect(log.at(-1)).toMatch(/ failed a, in undefined$/)
    const [last] = log.at(-1)?.split(' ') ?? []
    expect(Number(last)).toBeGreaterThan(23 * 3_600)
    expect(Number(last)).toBeLessThanOrEqual(24 * 3_600)
    expect(log.length).toBeLessThan(2 * 60)
  })

  it('waits as long as the receiver asks for, up to an hour', async () => {
    const { clock, log, add } = started((name) => ({
      ...fails,
      retryAfter: durationMs(name === 'a' ? 10 * MINUTE_MS : 10 * DAY_MS),
    }))
    add('a', 'b')
    await clock.advance(durationMs(0))
    expect(log).toEqual(['0 to a', '0 failed a, in 600000', '0 to b', '0 failed b, in 3600000'])
  })

  it('does not try again what makes no sense', async () => {
    const { clock, log, add } = started(() => ({ ...fails, again: 'no' }))
    add('a')
    await clock.advance(durationMs(2 * DAY_MS))
    expect(log).toEqual(['0 to a', '0 failed a, in undefined'])
  })

  it('brings others while one is refused', async () => {
    const { clock, log, add } = started((name) => (name === 'a' ? fails : { kind: 'done' }))
    add('a', 'b')
    await clock.advance(durationMs(0))
    expect(log).toContain('0 sent b')
  })

  it('keeps a bounded number, the newest, and says how many it dropped', async () => {
    const { clock, log, add } = started(() => fails, 2)
    add('a', 'b', 'c', 'd')
    await clock.advance(durationMs(0))
    expect(log[0]).toBe('0 dropped 2 from a on: more than 2 wait')
    expect(log.slice(1)).toEqual(['0 to c', '0 failed c, in 5000', '0 to d', '0 failed d, in 5000'])
  })

  it('drops the oldest, however often it was tried', async () => {
    const { clock, log, add } = started(() => fails, 2)
    add('a')
    await clock.advance(durationMs(MINUTE_MS))
    add('b', 'c')
    await clock.advance(durationMs(0))
    expect(log).toContain('60 dropped 1 from a on: more than 2 wait')
  })

  it('never drops the one that is under way', async () => {
    const answer = Promise.withResolvers<AttemptResult>()
    const { clock, log, add } = started((name) => (name === 'a' ? answer.promise : fails), 2)
    add('a')
    await clock.advance(durationMs(0))
    add('b', 'c')
    answer.resolve({ kind: 'done' })
    await clock.advance(durationMs(0))
    const dropped = '0 dropped 1 from b on: more than 2 wait'
    expect(log.slice(0, 3)).toEqual(['0 to a', '0 sent a', dropped])
  })

  it('ends with the attempt that is under way, and says what it leaves', async () => {
    const answer = Promise.withResolvers<AttemptResult>()
    const { clock, log, deliveries, add } = started(() => answer.promise)
    add('a', 'b')
    await clock.advance(durationMs(0))
    const ended = deliveries[Symbol.asyncDispose]()
    await turn()
    expect(log).toEqual(['0 to a'])
    answer.resolve(fails)
    await ended
    expect(log.slice(1)).toEqual([
      '0 failed a, in undefined',
      '0 dropped 1 from b on: everstaple stops',
    ])
  })
})
