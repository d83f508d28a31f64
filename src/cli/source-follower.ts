import { watchCertificates } from '../certificates/folder.ts'
import type { Snapshot, SourceProblem } from '../certificates/source.ts'
import { type DurationMs, durationMs, SECOND_MS } from '../der/time.ts'
import type { Events } from '../events.ts'
import { type Intake, type IntakeStore, takeIn } from '../refresh/intake.ts'
import { type CertificateRecord, StoreError } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'

/** What a follower works with. */
export interface SourceFollowerOptions {
  /** Files and folders, absolute. */
  readonly paths: readonly string[]
  readonly store: IntakeStore
  readonly clock: Clock
  readonly events: Pick<Events, 'certificatesChanged' | 'sourceProblem' | 'storeFailed'>
  /** Called for each certificate that was put into the store or removed from it. */
  readonly changed: (certificate: CertificateRecord) => void
  /** Called when all of a snapshot is in the store. */
  readonly taken: (intake: Intake) => void
}

/** Follows files and folders for as long as the service runs, and brings the store to what they hold. */
export class SourceFollower {
  readonly #options: SourceFollowerOptions
  #told: readonly SourceProblem[] = []
  #hasTaken = false

  constructor(options: SourceFollowerOptions) {
    this.#options = options
  }

  /** Whether the first snapshot is in the store. */
  get hasTaken(): boolean {
    return this.#hasTaken
  }

  /** Runs until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { paths, clock } = this.#options
    const watch = watchCertificates({ paths, clock, signal })
    while ((await this.#takeNext(watch, signal)) === 'taken');
  }

  /** Of its own, so that no snapshot is kept while the next one is waited for. */
  async #takeNext(watch: AsyncIterator<Snapshot>, signal: AbortSignal): Promise<'taken' | 'end'> {
    const { done, value: snapshot } = await watch.next()
    if (done === true) return 'end'
    while (!signal.aborted && (await this.#take(snapshot)) === 'store-failed') {
      await this.#options.clock.sleep(STORE_PAUSE, signal)
    }
    return 'taken'
  }

  async #take(snapshot: Snapshot): Promise<'taken' | 'store-failed'> {
    const { store, clock, events, changed, taken } = this.#options
    const changes = await takeIn(store, snapshot, clock.now()).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error
      events.storeFailed({ error })
      return undefined
    })
    if (changes === undefined) return 'store-failed'
    this.#hasTaken = true
    events.certificatesChanged(changes)
    this.#tell(snapshot.problems)
    for (const certificate of [...changes.removed, ...changes.put]) changed(certificate)
    taken(changes)
    return 'taken'
  }

  /** Only what was not wrong before. */
  #tell(problems: readonly SourceProblem[]): void {
    for (const problem of problems) {
      const isKnown = this.#told.some((old) => isSame(old, problem))
      if (!isKnown) this.#options.events.sourceProblem(problem)
    }
    this.#told = problems
  }
}

function isSame(a: SourceProblem, b: SourceProblem): boolean {
  return a.path === b.path && a.problem === b.problem
}

const STORE_PAUSE: DurationMs = durationMs(5 * SECOND_MS)
