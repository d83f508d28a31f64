import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS, plus } from '../../der/time.ts'
import type { Random } from '../../time/clock.ts'
import type { AuthorityPlan } from './authority-plan.ts'
import { between, oneOf, type Span, whole } from './draw.ts'

/** One certificate and what becomes of it. */
export interface CertificatePlan {
  /** Its place among the certificates of the world. */
  readonly index: number
  readonly authority: AuthorityPlan
  readonly name: string
  readonly mustStaple: boolean
  readonly notBefore: EpochMs
  readonly notAfter: EpochMs
  /** When the service is given it. */
  readonly addedAt: EpochMs
  /** When it is taken away; the end of the world where it is not. */
  readonly removedAt: EpochMs
  /** Since when the responder knows it, and how it answers before (CA #5). */
  readonly knownAt: EpochMs
  readonly before: 'unauthorized' | 'unknown'
  /** `undefined` where it is not revoked. */
  readonly revokedAt: EpochMs | undefined
}

/** Draws the certificates of one CA; their places are given later. */
export function drawCertificates(
  authority: AuthorityPlan,
  random: Random,
  { start, end }: Span,
): CertificatePlan[] {
  const count = authority.renewal <= HOUR_MS ? 2 : 2 + whole(5, random)
  return Array.from({ length: count }, (_, at) => {
    const kind = oneOf(KINDS, random)
    const middle = between(plus(start, HOUR_MS), plus(end, -DAY_MS), random)
    const isNew = kind === 'new'
    const addedAt = isNew || kind === 'added' ? middle : start
    const issuedAt = isNew ? middle : plus(start, -20 * DAY_MS)
    return {
      ...{ index: 0, authority, addedAt },
      name: `${authority.name}-${at + 1}-${kind}.test`,
      mustStaple: random() < 0.3,
      // CAs date certificates back by an hour.
      notBefore: plus(issuedAt, -HOUR_MS),
      notAfter: kind === 'expiring' ? middle : plus(end, 30 * DAY_MS),
      removedAt: kind === 'removed' ? middle : end,
      knownAt: isNew ? plus(issuedAt, (1 + whole(60, random)) * MINUTE_MS) : issuedAt,
      before: oneOf(['unauthorized', 'unknown'], random),
      revokedAt: kind === 'revoked' ? middle : undefined,
    }
  })
}

const KINDS = [
  ...(['lasting', 'lasting', 'lasting', 'lasting', 'lasting', 'lasting'] as const),
  ...(['new', 'new', 'added', 'removed', 'expiring', 'revoked'] as const),
] as const
