import { createHash } from 'node:crypto'
import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../../der/time.ts'
import type { Policy } from '../../ocsp/policy.ts'
import type { Store } from '../../store/store.ts'
import type { Clock } from '../../time/clock.ts'
import { type Rate, RateLimit } from '../rate-limit.ts'
import { type CollectedReport, current, withReport } from './collected-report.ts'
import { judgeReport } from './judgement.ts'
import type { ExpectStapleReport } from './report.ts'
import { readReportFile, writeReportFile } from './report-file.ts'

/** What the collector tells its operator. */
export interface CollectorEvents {
  /** The reports could not be read from or written to the data folder; they are in memory. */
  storeFailed(event: { readonly error: unknown }): void
}

/** What a collector needs. */
export interface CollectorOptions {
  /** The data folder. */
  readonly folder: string
  readonly store: Pick<Store, 'entry'>
  readonly policy: Policy
  readonly clock: Clock
  readonly events: CollectorEvents
}

/** A collector with what the data folder holds of former days. */
export async function openExpectStapleCollector(
  options: CollectorOptions,
): Promise<ExpectStapleCollector> {
  try {
    return new ExpectStapleCollector(options, await readReportFile(options.folder))
  } catch (error) {
    options.events.storeFailed({ error: unkept(error) })
    return new ExpectStapleCollector(options, [])
  }
}

/**
 * Collects Expect-Staple reports from anybody: judged, counted, and few. They are in memory, and in
 * a file within seconds; a crash may cost the last ones. Nothing is decided by them. Disposing of
 * it writes what is not written.
 */
export class ExpectStapleCollector implements AsyncDisposable {
  readonly #options: CollectorOptions
  readonly #limit: RateLimit
  readonly #closing = new AbortController()
  #collected: readonly CollectedReport[]
  #writing: Promise<void> | undefined
  #isChanged = false

  constructor(options: CollectorOptions, collected: readonly CollectedReport[]) {
    this.#options = options
    this.#limit = new RateLimit(options.clock, { fromOne: FROM_ONE, fromAll: FROM_ALL })
    this.#collected = collected
  }

  /** Takes a place for a report that is about to come: 0, or how long its sender has to wait. */
  admit(remoteAddress: string): DurationMs {
    return this.#limit.admit(remoteAddress)
  }

  /** Judges and counts a report. Rejects with a `StoreError`. */
  async collect(report: ExpectStapleReport): Promise<void> {
    const { store, policy, clock } = this.#options
    const [leaf] = report.servedChain
    const certificate = leaf && sha256(leaf)
    const entry = certificate === undefined ? undefined : await store.entry({ id: certificate })
    const now = clock.now()
    const { at, host, port, responseStatus, certStatus, response } = report
    const stapleSha256 = response && sha256(response)
    this.#collected = withReport(this.#collected, {
      ...{ host, port, certificate, name: entry?.certificate.name },
      ...judgeReport(report, { entry, policy, now }),
      ...{ count: 1, firstAt: now, lastAt: now },
      example: { at, responseStatus, certStatus, stapleSha256 },
    })
    this.#isChanged = true
    this.#writing ??= this.#write()
  }

  /** What was collected and is not too old, in the order in which it came. */
  reports(): readonly CollectedReport[] {
    return current(this.#collected, this.#options.clock.now())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#writing
  }

  /** Writes what has changed, a while later, for as long as something does. */
  async #write(): Promise<void> {
    const { clock, folder, events } = this.#options
    while (this.#isChanged) {
      await clock.sleep(WRITE_AFTER, this.#closing.signal)
      this.#isChanged = false
      try {
        await writeReportFile(folder, this.reports())
      } catch (error) {
        events.storeFailed({ error: unkept(error) })
      }
    }
    this.#writing = undefined
  }
}

function unkept(cause: unknown): Error {
  const problem = cause instanceof Error ? cause.message : String(cause)
  return new Error(`Expect-Staple reports are in memory only: ${problem}`, { cause })
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** More than a browser has to tell; `everstaple check` has four handshakes a server. */
export const FROM_ONE: Rate = { burst: 10, every: durationMs(MINUTE_MS / 10) }

/**
 * To judge a spiteful one takes 5 ms, a usual one 0.3: this is at most a twentieth of a processor.
 */
const FROM_ALL: Rate = { burst: 100, every: durationMs(SECOND_MS / 10) }

/** Many reports come at once, as when a staple has ended. */
const WRITE_AFTER: DurationMs = durationMs(10 * SECOND_MS)
