import { expect, it, test } from 'vitest'
import { type Gate, hunt } from '../../fuzz/hunt.ts'
import { opensslOracle, pkijsOracle } from '../../fuzz/oracles.ts'
import { ourGate, progress, report } from '../../fuzz/trial.ts'
import { epochMs } from '../../src/der/time.ts'
import { makeHierarchy } from '../../src/lab/hierarchy.ts'
import { makeMutants } from '../../src/lab/mutants/mutants.ts'
import { examine } from '../../src/ocsp/judge.ts'
import { defaultPolicy } from '../../src/ocsp/policy.ts'
import { describeWith } from './_peer.ts'

const now = epochMs(Date.now())
const hierarchy = makeHierarchy({ now })
const makeMutant = makeMutants(hierarchy, now)
const DURATION_MS = 10_000
/** The same mutations in each run, so that a change answers for itself alone; `npm run fuzz` looks for new ones. */
const SEED = 434_184

describeWith(['openssl'], 'mutated responses, for ten seconds', () => {
  it('takes none that openssl or PKI.js refuses', async () => {
    using openssl = opensslOracle(hierarchy)
    using pkijs = pkijsOracle(hierarchy)
    const start = performance.now()
    const found = await hunt({
      gate: ourGate(hierarchy, now),
      makeMutant,
      oracles: [openssl, pkijs],
      seed: SEED,
      goesOn: () => performance.now() - start < DURATION_MS,
    })
    process.stderr.write(`fuzz: ${progress(found, performance.now() - start)}\n`)
    expect(found.disagreements.map((one) => report(one, hierarchy, now))).toEqual([])
    expect(found.asked).toBeGreaterThan(10)
  })

  // What is found here when a rule is missing would be found if it were missing in earnest.
  test.each([
    ['next-update-passed', 'usable-time-over'],
    ['cert-id-mismatch'],
    ['status-revoked', 'status-unknown'],
    ['signer-without-ocsp-signing'],
    ['signer-not-issued-by-issuer', 'signer-issuer-name-differs', 'signer-certificate-malformed'],
    ['non-minimal-integer'],
  ])('a gate without the rule %s is caught', async (...rules) => {
    using openssl = opensslOracle(hierarchy)
    const found = await hunt({
      gate: gateWithout(rules),
      makeMutant,
      oracles: [openssl],
      seed: 1,
      goesOn: ({ tried, disagreements }) => tried < 20_000 && disagreements.length === 0,
    })
    expect(found.disagreements.length).toBeGreaterThan(0)
  })

  it('a gate that checks no signature is caught', async () => {
    using openssl = opensslOracle(hierarchy)
    const found = await hunt({
      gate: gateWithoutSignatures,
      makeMutant,
      oracles: [openssl],
      seed: 1,
      goesOn: ({ tried, disagreements }) => tried < 20_000 && disagreements.length === 0,
    })
    expect(found.disagreements.length).toBeGreaterThan(0)
  })
})

/** Our gate, deaf to some of its rules. */
function gateWithout(rules: readonly string[]): Gate {
  return (response) => {
    const { canonical } = examined(response)
    if (canonical === undefined) return undefined
    return isRefused(canonical.der, rules) ? undefined : canonical.der
  }
}

/** Our gate, but who signed is not asked. */
function gateWithoutSignatures(response: Uint8Array): Uint8Array | undefined {
  const rules = ['signature-invalid', 'signature-algorithm-mismatch', 'signer-missing']
  return isRefused(response, rules) ? undefined : response
}

function isRefused(response: Uint8Array, except: readonly string[]): boolean {
  return examined(response).findings.some(
    ({ level, rule }) => level === 'reject' && !except.includes(rule),
  )
}

function examined(response: Uint8Array): ReturnType<typeof examine> {
  const { leaf, issuer } = hierarchy
  const about = { certificate: leaf.certificate, issuer: issuer.certificate, now }
  return examine({ response, ...about, policy: defaultPolicy, servedChain: undefined })
}
