import { type EpochMs, iso } from '../../der/time.ts'

/** What was not as it must be, where and when. */
export interface ViolationFacts {
  /** Which of the invariants: `presence`, `rate`, … */
  readonly invariant: string
  readonly problem: string
  readonly seed: number
  readonly at: EpochMs
  /** The name of the certificate, if it is about one. */
  readonly certificate: string | undefined
  /** What happened before, oldest first. */
  readonly events: readonly string[]
}

/** A simulation has found a fault in the code under test, or in itself. The message is the report. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly code = 'VIOLATION'
  readonly invariant: string
  readonly seed: number

  constructor(facts: ViolationFacts) {
    const { invariant, problem, seed, at, certificate = 'no single certificate', events } = facts
    super(
      [
        `${invariant}: ${problem}`,
        `  seed ${seed}, ${iso(at)}, ${certificate}`,
        ...events.map((event) => `  ${event}`),
        `  again, with every event: npm run simulate -- --seed ${seed} --verbose`,
      ].join('\n'),
    )
    this.invariant = invariant
    this.seed = seed
  }
}
