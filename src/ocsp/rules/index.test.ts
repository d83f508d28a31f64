import { describe, expect, it } from 'vitest'
import { DAY_MS, type EpochMs, plus } from '../../der/time.ts'
import { allVectors, hierarchy, now } from '../_vectors.ts'
import { type Facts, gatherFacts } from '../facts.ts'
import { defaultPolicy } from '../policy.ts'
import { occurrences, rules } from './index.ts'

describe('families that are passed over have nothing to say', () => {
  it.each([
    ['when the responses are new', now],
    ['when their nextUpdate is near', plus(now, 2 * DAY_MS)],
    ['long before thisUpdate', plus(now, -400 * DAY_MS)],
    ['after thisUpdate is too old', plus(now, 9 * DAY_MS)],
    ['after all has expired', plus(now, 4_000 * DAY_MS)],
  ])('%s', (_when, at) => {
    for (const { name, response } of allVectors) {
      const facts = factsOf(response, at)
      expect(spoken(facts), name).toEqual(met(facts))
      // Asked again, as what was asked once for a signer is then known.
      expect(spoken(factsOf(response, at)), name).toEqual(met(facts))
    }
  })
})

function factsOf(response: Uint8Array, at: EpochMs): Facts {
  const { leaf, issuer } = hierarchy
  const about = { certificate: leaf.certificate, issuer: issuer.certificate }
  return gatherFacts({ response, ...about, now: at, policy: defaultPolicy, servedChain: undefined })
}

function spoken(facts: Facts): readonly string[] {
  return occurrences(facts).map(({ rule }) => rule.name)
}

function met(facts: Facts): readonly string[] {
  return rules.filter(({ check }) => check(facts) !== undefined).map(({ name }) => name)
}
