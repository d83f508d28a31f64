import { expect, it } from 'vitest'
import { Turns } from './turns.ts'

it('Turns begins no work before the one before has ended, and goes on after one that failed', async () => {
  const turns = new Turns()
  const log: string[] = []
  const first = Promise.withResolvers<void>()
  const work = (name: string, until?: Promise<void>) => async () => {
    log.push(`${name} begins`)
    await until
    log.push(`${name} ends`)
    return name
  }
  const failing = turns.take(work('first', first.promise))
  const second = turns.take(work('second'))
  await new Promise((resolve) => setImmediate(resolve))
  expect(log).toEqual(['first begins'])
  first.reject(new Error('disk full'))
  await expect(failing).rejects.toThrow('disk full')
  expect(await second).toBe('second')
  expect(log).toEqual(['first begins', 'second begins', 'second ends'])
})
