import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Lanes } from './lanes.ts'

describe('Lanes', () => {
  it('has room for so many in one lane, and for so many over all', async () => {
    const lanes = new Lanes({ total: 3, perResponder: 2 })
    const gate = Promise.withResolvers<void>()
    const wait = () => gate.promise
    expect(lanes.room('a')).toBe(2)
    const runs = [lanes.run('a', wait), lanes.run('a', wait)]
    expect([lanes.room('a'), lanes.room('b'), lanes.size]).toEqual([0, 1, 2])
    runs.push(lanes.run('b', wait))
    expect([lanes.room('b'), lanes.room('c'), lanes.size]).toEqual([0, 0, 3])
    gate.resolve()
    await Promise.all(runs)
    expect([lanes.room('a'), lanes.room('b'), lanes.size]).toEqual([2, 2, 0])
  })

  it('gives the place back when a task throws, and passes on what it threw', async () => {
    const lanes = new Lanes({ total: 1, perResponder: 1 })
    await expect(lanes.run('a', () => Promise.reject(new Error('wrong')))).rejects.toThrow('wrong')
    expect(lanes.room('a')).toBe(1)
  })

  it('is idle at once where nothing runs, else when the last task has ended', async () => {
    const lanes = new Lanes({ total: 2, perResponder: 2 })
    await lanes.idle()
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const ended: string[] = []
    const runs = gates.map(({ promise }) => lanes.run('a', () => promise))
    const idle = lanes.idle().then(() => ended.push('idle'))
    gates[0]?.resolve()
    await runs[0]
    ended.push('first')
    gates[1]?.resolve()
    await idle
    expect(ended).toEqual(['first', 'idle'])
  })

  it('never runs more than it has room for, whoever comes', async () => {
    const limits = { total: 5, perResponder: 2 }
    const names = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(names, async (lanesWanted) => {
        const lanes = new Lanes(limits)
        const under = new Map<string, number>()
        for (const name of lanesWanted) {
          if (lanes.room(name) <= 0) continue
          under.set(name, (under.get(name) ?? 0) + 1)
          void lanes.run(name, async () => {
            await Promise.resolve()
            under.set(name, (under.get(name) ?? 0) - 1)
          })
          expect(Math.max(...under.values())).toBeLessThanOrEqual(limits.perResponder)
          expect(lanes.size).toBeLessThanOrEqual(limits.total)
        }
        await lanes.idle()
        expect(lanes.size).toBe(0)
      }),
    )
  })
})
