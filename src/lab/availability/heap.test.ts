import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Agenda } from './agenda.ts'
import { Heap } from './heap.ts'

const keys = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 })

describe('Heap', () => {
  it('gives entries back by key, then by number', () => {
    fc.assert(
      fc.property(keys, (keys) => {
        const heap = new Heap(Float64Array.from(keys))
        for (const entry of keys.keys()) heap.add(entry)
        expect(drained(() => heap.take())).toEqual(sorted(keys))
      }),
    )
  })
})

describe('Agenda', () => {
  it('gives entries back by time, whatever the page, and not what lies after its end', () => {
    fc.assert(
      fc.property(keys, (keys) => {
        const times = keys.map((key) => key * 1_000_000)
        const agenda = new Agenda({ entries: times.length, length: 40_000_000 })
        for (const [entry, time] of times.entries()) agenda.add(entry, time)
        const within = sorted(times).filter((entry) => (times[entry] ?? 0) < 40_000_000)
        expect(drained(() => agenda.take())).toEqual(within)
      }),
    )
  })

  it('gives what is added late at once, and tells when the next is due', () => {
    const agenda = new Agenda({ entries: 3, length: 1_000_000 })
    agenda.add(0, 500_000)
    expect(agenda.take()).toBe(0)
    agenda.add(1, 600_000)
    agenda.add(2, 10)
    expect([agenda.nextTime, agenda.take(), agenda.take()]).toEqual([10, 2, 1])
    expect(agenda.nextTime).toBe(Number.POSITIVE_INFINITY)
  })
})

function sorted(keys: readonly number[]): number[] {
  return [...keys.keys()].sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0) || a - b)
}

function drained(take: () => number | undefined): number[] {
  const taken: number[] = []
  for (let entry = take(); entry !== undefined; entry = take()) taken.push(entry)
  return taken
}
