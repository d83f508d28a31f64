import { describe, expect, it } from 'vitest'
import { epochMs } from '../der/time.ts'
import { opensslBench, opensslVersion } from './_openssl.ts'
import { makeHierarchy } from './hierarchy.ts'
import { expectedVerdict } from './matrix.ts'
import { vectors } from './vectors.ts'

const now = epochMs(Date.now())
const hierarchy = makeHierarchy({ now })
const all = vectors(hierarchy, now)

// The column of the matrix was observed with 3.0.22, and later versions have other defaults.
const isSameOpenssl = opensslVersion()?.startsWith('3.0.') ?? false

describe.skipIf(!isSameOpenssl)('openssl 3.0 on this machine', () => {
  it('gives the verdicts that the matrix says', { timeout: 60_000 }, async () => {
    using bench = opensslBench(hierarchy)
    const differing: string[] = []
    const queue = all.values()
    const work = async () => {
      for (const { name, response } of queue) {
        const accepted = await bench.accepts(response)
        if (accepted !== expectedVerdict(name, 'openssl')) differing.push(name)
      }
    }
    await Promise.all([work(), work(), work()])
    expect(differing).toEqual([])
  })
})
