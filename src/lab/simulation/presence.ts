import { DAY_MS, durationMs, type EpochMs, epochMs, MINUTE_MS } from '../../der/time.ts'
import { safetyMargin } from '../../ocsp/usable-until.ts'
import { formatDuration } from '../../time/duration.ts'
import type { AuthorityPlan } from './authority-plan.ts'
import { gravity } from './fault-plan.ts'
import type { Scene } from './scene.ts'
import type { Publication } from './simulated-authority.ts'
import type { Tracked } from './tracked.ts'

/** What is known of the machine that the service runs on. */
export interface Machine {
  /** Since when nothing there has been in the way of asking; `undefined` while something is. */
  readonly calmSince: EpochMs | undefined
}

/**
 * Invariant: there is a staple whenever one could be had for as long as the service may wait before it asks again. For how long is
 * in the constants below, from those of `retry.ts` and `health.ts`.
 */
export function checkPresence(scene: Scene, tracked: Tracked, machine: Machine): void {
  const since = goodSince(scene, tracked, machine)
  if (since === undefined) return
  const waited = durationMs(scene.now() - since)
  const patience = durationMs(patienceWith(scene, tracked, since))
  if (waited <= patience) return
  const had = formatDuration(waited)
  const problem = `no staple, though one could be had for ${had}, longer than ${formatDuration(patience)}`
  scene.violate('presence', problem, tracked.certificate)
}

/** Whether each response ends, for those who hand it out, before or as the next one appears. */
export function hasHole({ validity, renewal, lag }: AuthorityPlan): boolean {
  return renewal + lag >= validity - safetyMargin(validity)
}

/** Since when every request would have given a usable staple; `undefined` where one of now would not. True times. */
export function goodSince(
  scene: Scene,
  { certificate, managedSince }: Tracked,
  { calmSince }: Machine,
): EpochMs | undefined {
  const now = scene.now()
  const { authority, plan } = certificate
  if (managedSince === undefined || calmSince === undefined) return undefined
  if (scene.faultsAt(plan.authority, now).whole !== undefined) return undefined
  const ends = scene
    .faultsOf(plan.authority)
    .filter(({ to, kind }) => to <= now && gravity[kind] !== 'some')
  const calm = Math.max(managedSince, calmSince, plan.knownAt, ...ends.map(({ to }) => to))
  let publication = authority.publication(certificate, now)
  if (publication === undefined || publication.status === 'revoked') return undefined
  let { from, to } = usable(scene, publication)
  if (now < from || now >= to) return undefined
  for (let back = 1; from > calm; back++) {
    const former = authority.publication(certificate, now, back)
    if (former === undefined) break
    const before = usable(scene, former)
    if (Math.min(before.to, publication.availableAt) < from) break
    from = before.from
    publication = former
  }
  return epochMs(Math.max(from, calm))
}

/** From when to when it is usable by the wall clock of the service, in true times. */
function usable(
  scene: Scene,
  { availableAt, thisUpdate, usableUntil }: Publication,
): { from: number; to: number } {
  const ahead = scene.ahead()
  return { from: Math.max(availableAt, thisUpdate - ahead), to: usableUntil - ahead }
}

function patienceWith(scene: Scene, tracked: Tracked, since: EpochMs): number {
  const { met, storedUntil, certificate } = tracked
  const hadStaple = storedUntil > 0
  const { authority } = certificate.plan
  const grave = new Set(met)
  // What others met there may keep the breaker open yet.
  for (const { to, kind } of scene.faultsOf(authority)) {
    if (to <= since && to > since - LONGEST_PAUSE && isResponders(kind)) grave.add(gravity[kind])
  }
  const certificates = hadStaple ? PATIENCE.certificate : PATIENCE.neverStapled
  return Math.max(
    PATIENCE.well,
    grave.has('responder') ? PATIENCE.responder : 0,
    grave.has('asked-pause') ? PATIENCE.askedPause : 0,
    grave.has('too-new') ? PATIENCE.tooNew : 0,
    grave.has('certificate') || grave.has('some') || hasHole(authority) ? certificates : 0,
    grave.has('fatal') ? PATIENCE.fatal : 0,
  )
}

function isResponders(kind: keyof typeof gravity): boolean {
  return gravity[kind] === 'responder' || gravity[kind] === 'asked-pause'
}

/** A minute is for what was under way when it became well: a request takes ten seconds until it is given up, and others are before it. */
const PATIENCE = {
  /** It is due, and asked at once. */
  well: 3 * MINUTE_MS,
  /** The breaker's pause of a minute, and then the back-off of a minute at most, as there is no staple. */
  responder: 3 * MINUTE_MS,
  /** The five minutes of pause that a responder may ask for. */
  askedPause: 7 * MINUTE_MS,
  /** LONGEST_TOO_NEW */
  tooNew: 16 * MINUTE_MS,
  /** WITHOUT, of `retry.ts`. */
  certificate: 11 * MINUTE_MS,
  /** An hour, the longest back-off. */
  neverStapled: 61 * MINUTE_MS,
  /** What asking does not cure is asked about once a day. */
  fatal: DAY_MS + MINUTE_MS,
} as const
const LONGEST_PAUSE = 6 * MINUTE_MS
