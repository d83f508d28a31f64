import { describe, expect, it } from 'vitest'
import { epochMs } from '../der/time.ts'
import { clientNames } from '../ocsp/clients.ts'
import { makeHierarchy } from './hierarchy.ts'
import { matrix } from './matrix.ts'
import { vectors } from './vectors.ts'

const now = epochMs(Date.now())
const hierarchy = makeHierarchy({ now })
const all = vectors(hierarchy, now)

describe('the matrix', () => {
  it('has at least 180 kinds', () => {
    expect(Object.keys(matrix).length).toBeGreaterThanOrEqual(180)
  })

  it('has a verdict of every client on each', () => {
    const row = new RegExp(`^[+-]{${clientNames.length}}$`)
    expect(Object.entries(matrix).filter(([, verdicts]) => !row.test(verdicts))).toEqual([])
  })
})

describe('the vectors', () => {
  it('are those of the matrix, one for each name', () => {
    expect(all.map(({ name }) => name).sort()).toEqual(Object.keys(matrix).sort())
  })

  it('all differ', () => {
    const bodies = all.map(({ response }) => Buffer.from(response).toString('hex'))
    expect(new Set(bodies).size).toBe(bodies.length)
  })

  it('are for the leaf', () => {
    expect(new Set(all.map(({ certificate }) => certificate))).toEqual(
      new Set([hierarchy.leaf.certificate]),
    )
  })

  it.each([9_000, 16_000, 20_400, 40_000, 64_000, 70_000])(
    'have one that holds %d bytes',
    (size) => {
      const length = all.find(({ name }) => name === `size_${size}`)?.response.length ?? 0
      expect(length - size).toBeGreaterThan(400)
      expect(length - size).toBeLessThan(700)
    },
  )
})
