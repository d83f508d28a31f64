import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { epochMs } from '../der/time.ts'
import { isNewer, type StapleAge } from './replacement.ts'

function age(thisUpdate: number, nextUpdate: number, producedAt: number): StapleAge {
  return {
    thisUpdate: epochMs(thisUpdate),
    nextUpdate: epochMs(nextUpdate),
    producedAt: epochMs(producedAt),
  }
}
const held = age(5, 5, 5)

describe('isNewer()', () => {
  test.each([
    ['the same one', age(5, 5, 5), false],
    ['a later thisUpdate, whatever else', age(6, 1, 1), true],
    ['an earlier thisUpdate, whatever else', age(4, 9, 9), false],
    ['the same thisUpdate and a later nextUpdate', age(5, 6, 1), true],
    ['the same thisUpdate and an earlier nextUpdate', age(5, 4, 9), false],
    ['the same of both and a later producedAt', age(5, 5, 6), true],
    ['the same of both and an earlier producedAt', age(5, 5, 4), false],
  ])('of %s', (_, fetched, newer) => expect(isNewer(fetched, held)).toBe(newer))

  it('is never so both ways: two staples do not replace each other for ever', () => {
    const small = fc.integer({ min: 0, max: 2 })
    const some = fc.tuple(small, small, small).map((times) => age(...times))
    fc.assert(fc.property(some, some, (a, b) => !(isNewer(a, b) && isNewer(b, a))))
  })
})
