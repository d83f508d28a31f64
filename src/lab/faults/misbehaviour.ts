import type { EpochMs } from '../../der/time.ts'
import type { CertificateKnobs } from '../ca.ts'
import type { Fault } from './fault.ts'

/** A way in which responders of real CAs have misbehaved, ready to be put before the fetcher. */
export interface Misbehaviour {
  /** Kebab-case, states the fault. Stable: tests, simulations and reports go by it. */
  readonly name: string
  /** In section 4 of acceptance.md, or among the six sick CAs of Cloudflare's post. */
  readonly number: number | `seed ${1 | 2 | 3 | 4 | 5 | 6}`
  /** Where it was seen. */
  readonly source: string
  /** What comes over the wire. */
  readonly wire: string
  readonly expected: Expected
  /** What it becomes where it goes on for days. */
  readonly eventually?: 'fatal'
  readonly fault: Fault
  /** What a certificate must be like for the fault to show. */
  readonly leaf?: (now: EpochMs) => Partial<CertificateKnobs>
}

/**
 * What must come of asking. `immediate`: a staple, over another connection or by the other method, at once. `back-off`: none for now, to be
 * asked again. `fatal`: none until something changes: alert, ask daily. `accept`: a staple by the first answer. `diagnose`: so too, with a
 * finding for the record.
 */
export type Expected = 'immediate' | 'back-off' | 'fatal' | 'accept' | 'diagnose'

/** Bugzilla of Mozilla, where incidents of CAs are kept. */
export function bugzilla(bug: number, ca: string): string {
  return `bugzilla.mozilla.org ${bug}, ${ca}`
}
