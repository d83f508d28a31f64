import type { Classification } from '../../certificates/classify.ts'
import { type EpochMs, iso } from '../../der/time.ts'
import type { Entry, OutputState } from '../../store/store.ts'

/** A certificate as the API and `everstaple status --json` tell it. Times are ISO 8601. */
export interface CertificateReport {
  readonly id: string
  readonly name: string
  readonly classification: Classification
  readonly mustStaple: boolean
  readonly notAfter: string
  /** The files that hold it; `api` alone where it was given by the API. */
  readonly sources: readonly string[]
  /** Whether there is a staple that may be handed out now. */
  readonly usable: boolean
  readonly staple: {
    readonly thisUpdate: string
    readonly nextUpdate: string
    readonly usableUntil: string
    readonly fetchedAt: string
    readonly url: string
    readonly sizeBytes: number
  } | null
  readonly schedule: {
    readonly dueAt: string
    readonly reason: string
    readonly failedAttempts: number
    readonly lastAttemptAt: string | null
    readonly lastError: string | null
  } | null
  readonly outputs: readonly OutputReport[]
}

/** How an output stands with a certificate. Times are ISO 8601. */
export interface OutputReport {
  readonly output: string
  readonly place: string
  readonly state: OutputState['state']
  readonly stapleSha256: string | null
  readonly problem: string | null
  readonly since: string
}

/** What there is to tell of a certificate; `outputs` where more is known of them than the store says. */
export function certificateReport(
  entry: Entry,
  now: EpochMs,
  outputs: readonly OutputState[] = entry.outputs ?? [],
): CertificateReport {
  const { id, name, classification, mustStaple, notAfter, sources } = entry.certificate
  const { staple, schedule } = entry
  return {
    ...{ id, name, classification, mustStaple, notAfter: iso(notAfter), sources },
    usable: staple !== undefined && staple.usableUntil > now,
    staple:
      staple === undefined
        ? null
        : {
            thisUpdate: iso(staple.thisUpdate),
            nextUpdate: iso(staple.nextUpdate),
            usableUntil: iso(staple.usableUntil),
            fetchedAt: iso(staple.fetchedAt),
            url: staple.url,
            sizeBytes: staple.der.length,
          },
    schedule:
      schedule === undefined
        ? null
        : {
            dueAt: iso(schedule.dueAt),
            reason: schedule.reason,
            failedAttempts: schedule.attempts,
            lastAttemptAt: isoOrNull(schedule.lastAttemptAt),
            lastError: schedule.lastError ?? null,
          },
    outputs: outputs.map(outputReport),
  }
}

/** The state of an output as data for scripts. */
export function outputReport(state: OutputState): OutputReport {
  const { stapleSha256 = null, problem = null, since } = state
  return { ...state, stapleSha256, problem, since: iso(since) }
}

function isoOrNull(at: EpochMs | undefined): string | null {
  return at === undefined ? null : iso(at)
}
