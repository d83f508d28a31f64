import type { SourceProblem } from '../../certificates/source.ts'
import type { EpochMs } from '../../der/time.ts'
import type { LoggedAttempt } from '../../responders/attempt-log.ts'
import type {
  CertificateRecord,
  Changes,
  ChangesWanted,
  Claim,
  Coverage,
  EdgeRecord,
  EdgeState,
  Entry,
  Outcome,
  OutputState,
  ProbeResult,
  ResponderCoverage,
  ResponderRecord,
  Schedule,
  Store,
} from '../../store/store.ts'

/** A store in front of another one, the same but for what a subclass makes different. */
export class DelegatingStore implements Store {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  putCertificates(records: readonly CertificateRecord[], now: EpochMs): Promise<void> {
    return this.#store.putCertificates(records, now)
  }

  removeCertificates(ids: readonly string[]): Promise<void> {
    return this.#store.removeCertificates(ids)
  }

  certificateIds(): Promise<ReadonlySet<string>> {
    return this.#store.certificateIds()
  }

  entries(): AsyncIterable<Entry> {
    return this.#store.entries()
  }

  entry(by: Parameters<Store['entry']>[0]): Promise<Entry | undefined> {
    return this.#store.entry(by)
  }

  changes(wanted: ChangesWanted): Promise<Changes> {
    return this.#store.changes(wanted)
  }

  dueResponders(now: EpochMs): Promise<readonly string[]> {
    return this.#store.dueResponders(now)
  }

  claimDue(options: Parameters<Store['claimDue']>[0]): Promise<readonly Claim[]> {
    return this.#store.claimDue(options)
  }

  nextDueAt(): Promise<EpochMs | undefined> {
    return this.#store.nextDueAt()
  }

  coverage(now: EpochMs): Promise<Coverage> {
    return this.#store.coverage(now)
  }

  responderCoverage(now: EpochMs): Promise<readonly ResponderCoverage[]> {
    return this.#store.responderCoverage(now)
  }

  complete(id: string, schedule: Schedule, outcome?: Outcome): Promise<void> {
    return this.#store.complete(id, schedule, outcome)
  }

  replanAttemptedAfter(...planned: Parameters<Store['replanAttemptedAfter']>): Promise<void> {
    return this.#store.replanAttemptedAfter(...planned)
  }

  attempts(responder: string): Promise<readonly LoggedAttempt[]> {
    return this.#store.attempts(responder)
  }

  putResponder(record: ResponderRecord): Promise<void> {
    return this.#store.putResponder(record)
  }

  responders(): Promise<readonly ResponderRecord[]> {
    return this.#store.responders()
  }

  putEdge(edge: EdgeRecord, states: readonly EdgeState[], extent: 'all' | 'some'): Promise<void> {
    return this.#store.putEdge(edge, states, extent)
  }

  removeEdge(name: string): Promise<void> {
    return this.#store.removeEdge(name)
  }

  edges(): Promise<readonly EdgeRecord[]> {
    return this.#store.edges()
  }

  edgeStates(of: Parameters<Store['edgeStates']>[0]): Promise<readonly EdgeState[]> {
    return this.#store.edgeStates(of)
  }

  putOutputStates(id: string, states: readonly OutputState[]): Promise<void> {
    return this.#store.putOutputStates(id, states)
  }

  putProbes(target: string, results: readonly ProbeResult[]): Promise<void> {
    return this.#store.putProbes(target, results)
  }

  probes(): Promise<readonly ProbeResult[]> {
    return this.#store.probes()
  }

  withdrawStaple(id: string): Promise<void> {
    return this.#store.withdrawStaple(id)
  }

  replaceProblems(problems: readonly SourceProblem[]): Promise<void> {
    return this.#store.replaceProblems(problems)
  }

  problems(): Promise<readonly SourceProblem[]> {
    return this.#store.problems()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]()
  }
}
