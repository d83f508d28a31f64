import { DAY_MS, type EpochMs, epochMs, HOUR_MS, MINUTE_MS, plus } from '../../der/time.ts'
import type { Random } from '../../time/clock.ts'
import type { AuthorityPlan } from './authority-plan.ts'
import { between, oneOf, type Span, whole } from './draw.ts'

/** A responder misbehaves for a while. */
export interface FaultPlan {
  readonly authority: AuthorityPlan
  readonly kind: FaultKind
  readonly from: EpochMs
  readonly to: EpochMs
}

/** A way to misbehave. */
export type FaultKind =
  | 'host-not-found'
  | 'connection-refused'
  | 'silence'
  | 'try-later'
  | 'http-500'
  | 'http-503-retry-after'
  | 'http-429-retry-after'
  | 'html-page'
  | 'expired-response'
  | 'unauthorized'
  | 'truncated'
  | 'wrong-algorithm'
  | 'one-backend-404'
  | 'stale-edge'

/**
 * What each fault is to the one who asks:
 * - `responder`: no good answer to anybody, and it can be seen that the responder is unwell. `asked-pause`: with Retry-After, or tryLater.
 * - `certificate`: no good answer to anybody, and it cannot be seen whose fault it is. `fatal`: nor is it likely to pass.
 * - `some`: some connections or addresses give a good answer, others not.
 */
export type Gravity = 'responder' | 'asked-pause' | 'certificate' | 'fatal' | 'some'

/** Of each fault. */
export const gravity: Readonly<Record<FaultKind, Gravity>> = {
  'host-not-found': 'responder',
  'connection-refused': 'responder',
  silence: 'responder',
  'try-later': 'asked-pause',
  'http-500': 'responder',
  'http-503-retry-after': 'asked-pause',
  'http-429-retry-after': 'asked-pause',
  'html-page': 'responder',
  'expired-response': 'certificate',
  unauthorized: 'certificate',
  truncated: 'responder',
  'wrong-algorithm': 'fatal',
  'one-backend-404': 'some',
  'stale-edge': 'some',
}

/** Draws the faults of every CA; three in ten are spared. */
export function drawFaults(
  authorities: readonly AuthorityPlan[],
  random: Random,
  { start, end }: Span,
): readonly FaultPlan[] {
  return authorities.flatMap((authority) => {
    const count = random() < 0.3 ? 0 : 1 + whole(5, random)
    return Array.from({ length: count }, (): FaultPlan => {
      const kind = oneOf(KINDS, random)
      const from = between(start, end, random)
      const [shortest, longest] = gravity[kind] === 'some' ? SOME : WHOLE
      // Spread evenly over orders of magnitude.
      const length = shortest * (longest / shortest) ** random()
      return { authority, kind, from, to: epochMs(Math.min(end, plus(from, Math.round(length)))) }
    })
  })
}

const KINDS: readonly [FaultKind, ...FaultKind[]] = [
  ...(['host-not-found', 'connection-refused', 'silence', 'try-later', 'http-500'] as const),
  ...(['http-503-retry-after', 'http-429-retry-after', 'html-page', 'expired-response'] as const),
  ...(['unauthorized', 'truncated', 'wrong-algorithm', 'one-backend-404', 'stale-edge'] as const),
]
const WHOLE = [MINUTE_MS, 2 * DAY_MS] as const
const SOME = [HOUR_MS, 10 * DAY_MS] as const
