import type { EpochMs } from '../der/time.ts'
import type { OutputState } from '../store/store.ts'

/** How one place of an output stands with a certificate now. */
export type PlaceState = Omit<OutputState, 'since'>

/** What the states are kept with. */
export interface OutputStatesOptions {
  readonly now: () => EpochMs
  /** Makes them last; may reject. */
  readonly keep: (id: string, states: readonly OutputState[]) => Promise<void>
}

/** How every output stands with every certificate: in memory at once, in the store with {@link flush}. */
export class OutputStates {
  readonly #options: OutputStatesOptions
  readonly #byId = new Map<string, Map<string, OutputState>>()
  readonly #unkept = new Set<string>()

  constructor(options: OutputStatesOptions) {
    this.#options = options
  }

  /** Takes what was kept by a former life. What is known from this one stays. */
  remember(id: string, kept: readonly OutputState[]): void {
    if (this.#byId.has(id)) return
    this.#byId.set(id, new Map(kept.map((state) => [keyOf(state), state])))
  }

  /** What is known of a place; `undefined` where it was never tried. */
  find(id: string, place: Pick<OutputState, 'output' | 'place'>): OutputState | undefined {
    return this.#byId.get(id)?.get(keyOf(place))
  }

  /** All that is known of a certificate. */
  of(id: string): readonly OutputState[] {
    return [...(this.#byId.get(id)?.values() ?? [])]
  }

  /** Notes how a place stands now; says whether that is new. */
  note(id: string, state: PlaceState): 'new' | 'same' {
    const before = this.find(id, state)
    if (before !== undefined && isSame(before, state)) return 'same'
    const noted = { ...state, since: this.#options.now() }
    const all = this.#byId.get(id) ?? new Map<string, OutputState>()
    this.#byId.set(id, all.set(keyOf(state), noted))
    this.#unkept.add(id)
    return 'new'
  }

  /** Forgets the places of a certificate that are none any more: all but these. */
  retain(id: string, isPlace: (state: OutputState) => boolean): void {
    const all = this.#byId.get(id)
    for (const [key, state] of all ?? []) {
      if (isPlace(state)) continue
      all?.delete(key)
      this.#unkept.add(id)
    }
  }

  /** Forgets a certificate that is no longer managed. */
  forget(id: string): void {
    this.#byId.delete(id)
    this.#unkept.delete(id)
  }

  /** Keeps what has changed. Rejects where that fails; what was not kept is kept with the next call. */
  async flush(): Promise<void> {
    const ids = [...this.#unkept]
    this.#unkept.clear()
    const failed = await Promise.allSettled(ids.map((id) => this.#options.keep(id, this.of(id))))
    for (const [at, result] of failed.entries()) {
      if (result.status === 'rejected') this.#unkept.add(ids[at] ?? '')
    }
    const [first] = failed.filter((result) => result.status === 'rejected')
    if (first !== undefined) throw first.reason
  }
}

function keyOf({ output, place }: Pick<OutputState, 'output' | 'place'>): string {
  return `${output}\0${place}`
}

function isSame(a: PlaceState, b: PlaceState): boolean {
  return a.state === b.state && a.stapleSha256 === b.stapleSha256 && a.problem === b.problem
}
