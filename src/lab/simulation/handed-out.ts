import { iso } from '../../der/time.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import type { Scene } from './scene.ts'
import type { Tracked } from './tracked.ts'

/**
 * Invariant: what is handed out is a response that the CA has signed and that says good, within its times, never of a certificate that
 * the service knows to be revoked, and never older than what was handed out before, while that is usable.
 */
export function checkHandedOut(scene: Scene, tracked: Tracked, staple: Staple | undefined): void {
  if (staple === undefined) return
  const { certificate, handed, isWithdrawn } = tracked
  const now = scene.clock.now()
  const violate = (problem: string) => scene.violate('handed-out', problem, certificate)
  const { thisUpdate, nextUpdate, usableUntil } = staple
  // By the clients' clocks as well: a staple need not be taken back because the service's own clock was set back.
  if (Math.max(now, scene.now()) < thisUpdate)
    violate(`handed out before its thisUpdate, ${iso(thisUpdate)}`)
  if (now >= nextUpdate) violate(`handed out after its nextUpdate, ${iso(nextUpdate)}`)
  if (now >= usableUntil) violate(`handed out after its usableUntil, ${iso(usableUntil)}`)
  if (!certificate.authority.hasSaidGood(certificate, staple)) {
    violate(`handed out, and no response that says good, of ${iso(thisUpdate)}`)
  }
  if (isWithdrawn) violate('handed out although it is known to be revoked')
  const isLasting = handed !== undefined && handed.thisUpdate <= now && now < handed.usableUntil
  if (isLasting && thisUpdate < handed.thisUpdate) {
    violate(`${iso(thisUpdate)} is handed out in the place of the newer ${iso(handed.thisUpdate)}`)
  }
}
