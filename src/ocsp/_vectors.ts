import { type EpochMs, epochMs } from '../der/time.ts'
import { type Hierarchy, makeHierarchy } from '../lab/hierarchy.ts'
import { type Vector, vectors } from '../lab/vectors.ts'
import { type Examination, examine } from './judge.ts'
import { defaultPolicy, type Policy } from './policy.ts'

/** The moment at which the vectors are judged. */
export const now: EpochMs = epochMs(1_795_478_400_000)

/** Who made the vectors. */
export const hierarchy: Hierarchy = makeHierarchy({ now })

/** A response of every kind in the matrix. */
export const allVectors: readonly Vector[] = vectors(hierarchy, now)

/** All that can be said of a response about the leaf of {@link hierarchy}. */
export function examined(response: Uint8Array, policy: Policy = defaultPolicy): Examination {
  const { leaf, issuer } = hierarchy
  const about = { certificate: leaf.certificate, issuer: issuer.certificate }
  return examine({ response, ...about, now, policy, servedChain: undefined })
}
