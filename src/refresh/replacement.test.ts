import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { DAY_MS, epochMs, HOUR_MS, MINUTE_MS, plus } from '../der/time.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { buildResponse } from '../lab/response-builder.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { staple as stapleOf } from '../store/_records.ts'
import { isNewer, type StapleAge, servedFrom, usableStaple } from './replacement.ts'

function age(thisUpdate: number, nextUpdate: number, producedAt: number): StapleAge {
  return {
    thisUpdate: epochMs(thisUpdate),
    nextUpdate: epochMs(nextUpdate),
    producedAt: epochMs(producedAt),
  }
}
const held = age(5, 5, 5)

describe('usableStaple()', () => {
  const now = epochMs(1_800_000_000_000)
  const { leaf, issuer } = makeHierarchy({ now, caKey: 'prime256v1' })
  const issued = { certificate: leaf.certificate, issuer: issuer.certificate }
  const [thisUpdate, nextUpdate] = [plus(now, -HOUR_MS), plus(now, DAY_MS)]
  const der = buildResponse({
    signer: issuer,
    responses: [{ certID: issued, thisUpdate, nextUpdate }],
  })
  const damaged = der.with(-1, 255 - (der.at(-1) ?? 0))
  const kept = (changes: object) => stapleOf(1, { der, usableUntil: nextUpdate, ...changes })
  const policy = defaultPolicy
  const cases = [
    ['the one in hand', kept({}), policy, 'usable'],
    ['none', undefined, policy, 'none'],
    ['one that has ended', kept({ usableUntil: now }), policy, 'none'],
    ['one that the disk has damaged', kept({ der: damaged }), policy, 'none'],
    ['one that a newer policy refuses', kept({}), { ...policy, maxSizeBytes: 9 }, 'none'],
  ] as const
  test.each(cases)('of %s', (_, staple, by, expected) => {
    const usable = usableStaple({ staple }, issued, { policy: by, now })
    expect(usable).toBe(expected === 'usable' ? staple : undefined)
  })
})

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

describe('servedFrom()', () => {
  const now = epochMs(1_800_000_000_000)
  const made = (ago: number) => ({ thisUpdate: plus(now, -ago) })
  const lasting = (left: number) => ({ usableUntil: plus(now, left) })
  test.each([
    ['none was served before: at once', made(0), undefined, 0],
    ['the former one lasts for a day: when it is five minutes old', made(0), DAY_MS, 5 * MINUTE_MS],
    ['it is two minutes old already', made(2 * MINUTE_MS), DAY_MS, 3 * MINUTE_MS],
    ['it is older', made(HOUR_MS), DAY_MS, 0],
    ['the former one ends within the hour: at once', made(0), HOUR_MS - 1, 0],
  ])('%s', (_, staple, left, wait) => {
    const former = left === undefined ? undefined : lasting(left)
    expect(servedFrom(staple, former, now) - now).toBe(wait)
  })
})
