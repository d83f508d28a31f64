import { expect, it } from 'vitest'
import { type DurationMs, durationMs, HOUR_MS } from '../der/time.ts'
import { storeEvents } from './store-events.ts'

const full = new Error('the disk is full; make space')
const readOnly = new Error('the disk is read-only; mount it writable')

it('tells each error once, again after an hour, and after it was well in between', () => {
  let now: DurationMs = durationMs(0)
  const lines: string[] = []
  const events = storeEvents((_, message) => lines.push(message), { monotonic: () => now })
  const told = (happen: () => void) => {
    happen()
    return lines.splice(0)
  }
  const fails = (error: unknown) => told(() => events.storeFailed({ error }))
  expect(fails(full)).toEqual([`store: ${full.message}`])
  expect(fails(readOnly)).toEqual([`store: ${readOnly.message}`])
  now = durationMs(HOUR_MS - 1)
  expect(fails(full)).toEqual([])
  now = durationMs(HOUR_MS)
  expect(fails(full)).toEqual([`store: ${full.message}`])
  expect(told(() => events.storeWorks())).toEqual(['store: can be written again'])
  expect(fails(full)).toEqual([`store: ${full.message}`])
})

it('forgets what it told rather than grow', () => {
  const lines: string[] = []
  const events = storeEvents((_, message) => lines.push(message), {
    monotonic: () => durationMs(0),
  })
  for (let number = 0; number <= 100; number++) events.storeFailed({ error: number })
  events.storeFailed({ error: 0 })
  expect(lines.filter((line) => line === 'store: 0')).toHaveLength(2)
})
