import { type DurationMs, durationMs, type EpochMs, MINUTE_MS } from '../der/time.ts'
import type { EdgeRecord, Store } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { edgeStanding, isSilent } from './api/edge-standing.ts'

/** What a watch tells of edges: once when it begins, and when it is over. */
export interface EdgeWatchEvents {
  /** It was not heard of for long. */
  edgeSilent(event: { readonly edge: string; readonly seenAt: EpochMs }): void
  /** Certificates are not live there, for minutes already. */
  edgeBehind(event: {
    readonly edge: string
    readonly certificates: number
    /** Of one of them, with its name. */
    readonly problem: string
  }): void
  /** After one of these: all is live there. */
  edgeWell(event: { readonly edge: string }): void
  storeFailed(event: { readonly error: unknown }): void
}

/** What a watch works with. */
export interface EdgeWatchOptions {
  readonly store: Pick<Store, 'edges' | 'edgeStates' | 'entry'>
  readonly clock: Clock
  readonly events: EdgeWatchEvents
}

/** How an edge stands as a whole. */
export type EdgeCondition = 'well' | 'behind' | 'silent'

/** Looks every few minutes how the edges stand, and tells what has changed. Only `run` writes what is here. */
export class EdgeWatch {
  readonly #options: EdgeWatchOptions
  #conditions: ReadonlyMap<string, EdgeCondition> = new Map()
  /** What was behind at the last look, by edge: one look may find what is on its way. */
  #behind: ReadonlyMap<string, ReadonlySet<string>> = new Map()

  constructor(options: EdgeWatchOptions) {
    this.#options = options
  }

  /** How many edges stood how at the last look. */
  get counts(): Readonly<Record<EdgeCondition, number>> {
    const counts = { well: 0, behind: 0, silent: 0 }
    for (const condition of this.#conditions.values()) counts[condition]++
    return counts
  }

  /** Runs until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, events } = this.#options
    while (true) {
      // Before the first look: edges come back when the centre does.
      await clock.sleep(LOOK_EVERY, signal)
      if (signal.aborted) return
      try {
        await this.#look(signal)
      } catch (error) {
        events.storeFailed({ error })
      }
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { store, clock, events } = this.#options
    const conditions = new Map<string, EdgeCondition>()
    const behind = new Map<string, ReadonlySet<string>>()
    for (const edge of await store.edges()) {
      const { name, seenAt } = edge
      const former = this.#conditions.get(name) ?? 'well'
      const problems = await this.#problemsOf(edge, signal)
      if (signal.aborted) return
      behind.set(name, new Set(problems.keys()))
      const lasting = [...problems].filter(([id]) => this.#behind.get(name)?.has(id))
      const [first] = lasting
      const isBehind = first !== undefined
      const condition = isSilent(edge, clock.now()) ? 'silent' : isBehind ? 'behind' : 'well'
      conditions.set(name, condition)
      if (condition === former) continue
      if (condition === 'silent') events.edgeSilent({ edge: name, seenAt })
      else if (first === undefined) events.edgeWell({ edge: name })
      else events.edgeBehind({ edge: name, certificates: lasting.length, problem: first[1] })
    }
    this.#conditions = conditions
    this.#behind = behind
  }

  /** What is wrong with which certificates of an edge. */
  async #problemsOf(edge: EdgeRecord, signal: AbortSignal): Promise<Map<string, string>> {
    const { store, clock } = this.#options
    const problems = new Map<string, string>()
    const now = clock.now()
    for (const [at, state] of (await store.edgeStates({ edge: edge.name })).entries()) {
      // A read takes some 20 µs, and does not let others in.
      if (at % AT_A_TIME === 0) await clock.sleep(PAUSE, signal)
      const entry = await store.entry({ id: state.id })
      const standing = edgeStanding(state, { edge, entry, now })
      if (standing.kind !== 'behind') continue
      const name = entry?.certificate.name ?? state.id.slice(0, 16)
      problems.set(state.id, `${name} ${standing.problem}`)
    }
    return problems
  }
}

/** With a thousand edges of a hundred certificates, a look takes some seconds of one processor. */
const LOOK_EVERY: DurationMs = durationMs(5 * MINUTE_MS)
const AT_A_TIME = 100
const PAUSE: DurationMs = durationMs(1)
