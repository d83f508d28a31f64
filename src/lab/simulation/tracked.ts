import type { EpochMs } from '../../der/time.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import type { Schedule } from '../../store/store.ts'
import type { Gravity } from './fault-plan.ts'
import type { SimulatedCertificate } from './simulated-authority.ts'

/** A certificate with what the service does about it, as seen from outside. Times of schedules are of the wall clock, others true. */
export interface Tracked {
  readonly certificate: SimulatedCertificate
  /** Its id in the store. */
  readonly id: string
  /** Since when it is in the schedule; `undefined` where it is not. */
  managedSince: EpochMs | undefined
  /** When it is due, or, while it is claimed, when the claim lapses. */
  dueAt: EpochMs
  /** What it met since the last good answer, for how long the service may wait before it asks again. */
  readonly met: Set<Gravity | 'too-new'>
  /** Until when the staple that was stored last is usable, by the wall clock; 0 where there was none. */
  storedUntil: number
  /** The service says that it is revoked. */
  isWithdrawn: boolean
  /** What was handed out when last looked at. */
  handed: Staple | undefined
  /** What is handed out may have changed. */
  isChanged: boolean
  requests: number
  stored: number
}

/** One that the service does not know yet. */
export function untracked(certificate: SimulatedCertificate, dueAt: EpochMs): Tracked {
  return {
    ...{ certificate, dueAt, id: certificate.leaf.certificate.fingerprint },
    met: new Set(),
    ...{ managedSince: undefined, handed: undefined },
    ...{ storedUntil: 0, isWithdrawn: false, isChanged: true },
    ...{ requests: 0, stored: 0 },
  }
}

/** Until when there is a staple, as far as was seen, by the wall clock. */
export function coveredUntil({ handed, storedUntil }: Tracked): number {
  return Math.max(handed?.usableUntil ?? 0, storedUntil)
}

/** Takes in a schedule that the service has stored. */
export function rescheduled(tracked: Tracked, { dueAt, attempts }: Schedule): void {
  tracked.dueAt = dueAt
  if (attempts === 0) tracked.met.clear()
}
