import type { EpochMs } from '../src/der/time.ts'
import type { Hierarchy } from '../src/lab/hierarchy.ts'
import { explain } from '../src/ocsp/explain.ts'
import type { Subject } from '../src/ocsp/facts.ts'
import { judge } from '../src/ocsp/judge.ts'
import { defaultPolicy } from '../src/ocsp/policy.ts'
import type { Disagreement, Gate, Hunt } from './hunt.ts'

/** The gate that everstaple has: what `judge` would have stapled. */
export function ourGate(hierarchy: Hierarchy, now: EpochMs): Gate {
  const { leaf, issuer } = hierarchy
  const about = { certificate: leaf.certificate, issuer: issuer.certificate, now }
  return (response) => {
    const verdict = judge({ response, ...about })
    return verdict.accepted ? verdict.staple.der : undefined
  }
}

/** A disagreement with all that it takes to look into it, whoever's keys it was made with. */
export function report(found: Disagreement, hierarchy: Hierarchy, now: EpochMs): string {
  const { leaf, issuer } = hierarchy
  const { stapled: response, received } = found
  const about = { certificate: leaf.certificate, issuer: issuer.certificate, now }
  const subject: Subject = { response, ...about, policy: defaultPolicy, servedChain: undefined }
  const { findings } = explain(subject)
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  return [
    `${found.oracle} refuses what everstaple takes: ${found.objection}`,
    `  made by --seed ${found.seed} --from ${found.input}: ${found.story}`,
    `  findings: ${findings.map(({ rule, saw }) => `${rule} (${saw})`).join(', ') || 'none'}`,
    `  received: ${base64(received)}`,
    `  stapled: ${base64(response)}`,
    `  certificate: ${base64(leaf.der)}`,
    `  issuer: ${base64(issuer.der)}`,
  ].join('\n')
}

/** How far a hunt has come, in a line. */
export function progress({ tried, accepted, asked, ...rest }: Hunt, elapsedMs: number): string {
  const rate = Math.round(tried / Math.max(elapsedMs / 1000, 0.001))
  const { stricter, sampled, disagreements } = rest
  return [
    `${tried.toLocaleString('en')} inputs in ${Math.round(elapsedMs / 1000)} s (${rate} a second)`,
    `${accepted.toLocaleString('en')} accepted`,
    `${asked.toLocaleString('en')} different ones put to the oracles`,
    `${stricter} of ${sampled} refused ones would pass them`,
    `${disagreements.length} disagreements`,
  ].join(', ')
}
