import {
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  MINUTE_MS,
  SECOND_MS,
} from '../../der/time.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import type { EdgeReport } from '../../serve/edge-report.ts'
import { servedStaple } from '../../store/served-staple.ts'
import { stapleDigest } from '../../store/staple-digest.ts'
import type { EdgeState, Entry, ProbeResult, StapleRecord, Store } from '../../store/store.ts'
import type { Clock } from '../../time/clock.ts'

/** What a reporter works with. */
export interface EdgeReporterOptions {
  /** What the edge calls itself. */
  readonly edge: string
  /** Of the agent. */
  readonly version: string
  readonly centre: {
    report(edge: string, report: EdgeReport, signal: AbortSignal): Promise<void>
  }
  readonly store: Pick<Store, 'entry' | 'entries' | 'probes'>
  /** What is really handed out. */
  readonly staples: { byId(id: string): Promise<Staple | undefined> }
  readonly clock: Clock
  readonly events: {
    /** The centre did not take a report; all is told again a minute later. */
    reportFailed(event: { readonly problem: string }): void
  }
}

/**
 * Tells the centre which staple is live here: all at the start and after a failure, then what changes, and at least once a minute that the
 * edge is alive.
 */
export class EdgeReporter {
  readonly #options: EdgeReporterOptions
  readonly #changed = new Set<string>()
  /** All is to be told: at the start, and when a report was lost. */
  #extent: EdgeReport['extent'] = 'all'
  #wake: AbortController = new AbortController()
  /** As `#wake`, while the centre does not take reports: then what changes here is no reason to try. */
  #back: AbortController = new AbortController()
  /** From when a staple is handed out that is not yet, by certificate: nothing else happens then. */
  readonly #early = new Map<string, EpochMs>()
  /** When the last handshake was made that the centre knows of. */
  #probedUntil = 0

  constructor(options: EdgeReporterOptions) {
    this.#options = options
  }

  /** The staple of this certificate, or an output of it, has changed. */
  changed(id: string): void {
    this.#changed.add(id)
    this.#wake.abort()
  }

  /** The centre is back and may not know anything any more, or other certificates are here than before. */
  tellAll(): void {
    this.#extent = 'all'
    this.#wake.abort()
    this.#back.abort()
  }

  /** Runs until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    while (!signal.aborted) {
      this.#wake = new AbortController()
      this.#back = new AbortController()
      const isTold = await this.#tell(signal)
      const { signal: woken } = isTold ? this.#wake : this.#back
      await clock.sleep(ALIVE_EVERY, AbortSignal.any([signal, woken]))
      // Changes come in crowds.
      await clock.sleep(GATHERING, signal)
    }
  }

  async #tell(signal: AbortSignal): Promise<boolean> {
    const { centre, edge, version, events } = this.#options
    const extent = this.#extent
    const ids = [...this.#changed]
    this.#extent = 'some'
    this.#changed.clear()
    try {
      const states = extent === 'all' ? await this.#all() : await this.#some(ids)
      await centre.report(edge, { version, extent, states }, signal)
      return true
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.#extent = 'all'
      if (!signal.aborted) events.reportFailed({ problem: error.message })
      return false
    }
  }

  async #all(): Promise<EdgeState[]> {
    const probes = await this.#probes()
    const states: EdgeState[] = []
    for await (const entry of this.#options.store.entries()) {
      if (entry.certificate.classification === 'ocsp')
        states.push(await this.#stateOf(entry, probes))
    }
    return states
  }

  /** Those that have changed, those whose next staple is handed out now, and those of which there is a newer handshake. */
  async #some(changed: readonly string[]): Promise<EdgeState[]> {
    const now = this.#options.clock.now()
    const turned = [...this.#early].filter(([, servedFrom]) => servedFrom <= now)
    const probes = await this.#probes()
    const probed = [...probes].filter(([, probe]) => (probe?.at ?? 0) > this.#probedUntil)
    const ids = new Set([...changed, ...[...turned, ...probed].map(([id]) => id)])
    const states: EdgeState[] = []
    for (const id of ids) {
      const entry = await this.#options.store.entry({ id })
      if (entry === undefined) this.#early.delete(id)
      else states.push(await this.#stateOf(entry, probes))
    }
    this.#probedUntil = Math.max(this.#probedUntil, ...probed.map(([, probe]) => probe?.at ?? 0))
    return states
  }

  /** What the last handshakes with the servers of this edge gave, by certificate: where several have it, the one with a problem tells. */
  async #probes(): Promise<ReadonlyMap<string, EdgeState['probe']>> {
    const results = await this.#options.store.probes()
    const trouble = ({ problem }: ProbeResult) => Number(problem !== undefined)
    // Of those of one certificate, the last one stays.
    const worstLast = results.toSorted(
      (a, b) => trouble(a) - trouble(b) || a.checkedAt - b.checkedAt,
    )
    return new Map(
      worstLast.flatMap(({ certificate, checkedAt, outcome }) =>
        certificate === undefined ? [] : [[certificate.id, { at: checkedAt, outcome }]],
      ),
    )
  }

  async #stateOf(
    entry: Entry,
    probes: ReadonlyMap<string, EdgeState['probe']>,
  ): Promise<EdgeState> {
    const { edge, staples, clock } = this.#options
    const { id } = entry.certificate
    const now = clock.now()
    const [staple, served] = [await staples.byId(id), servedStaple(entry, now)]
    const { servedFrom = now } = entry.staple ?? {}
    if (servedFrom > now) this.#early.set(id, servedFrom)
    else this.#early.delete(id)
    return {
      edge,
      id,
      stapleSha256: staple && stapleDigest(staple.der),
      since: sinceOf(served, staple, now),
      outputs: entry.outputs ?? [],
      probe: probes.get(id),
    }
  }
}

/** Since when it is handed out; where it has ended, since then. */
function sinceOf(
  served: StapleRecord | undefined,
  staple: Staple | undefined,
  now: EpochMs,
): EpochMs {
  if (served === undefined) return now
  if (staple === undefined) return epochMs(Math.min(served.usableUntil, now))
  return epochMs(Math.max(served.fetchedAt, served.servedFrom))
}

/** The centre calls an edge silent that it has not heard of for ten of these. */
const ALIVE_EVERY: DurationMs = durationMs(MINUTE_MS)
const GATHERING: DurationMs = durationMs(SECOND_MS / 2)
