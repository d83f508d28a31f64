import { expect, it } from 'vitest'
import { Heap } from './memory-store-heap.ts'
import { seededRandom } from './seeded-random.ts'

it('gives what was pushed in order, with pushes in between', () => {
  const random = seededRandom('heap')
  const heap = new Heap<number>((a, b) => a - b)
  let mirror: number[] = []
  for (let step = 0; step < 2_000; step++) {
    if (random() < 0.55) {
      const number = Math.floor(random() * 100)
      heap.push(number)
      mirror.push(number)
    } else {
      mirror = mirror.toSorted((a, b) => a - b)
      expect(heap.peek()).toBe(mirror[0])
      expect(heap.pop()).toBe(mirror.shift())
    }
  }
  expect(mirror.length).toBeGreaterThan(50)
})

it('has nothing when it is empty', () => {
  const heap = new Heap<number>((a, b) => a - b)
  expect(heap.pop()).toBeUndefined()
  heap.push(1)
  heap.pop()
  expect(heap.peek()).toBeUndefined()
})
