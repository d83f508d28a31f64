import type { SourceProblem } from '../certificates/source.ts'
import { type EpochMs, plus } from '../der/time.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'
import {
  encodedAttempt,
  encodedCertificate,
  encodedEdgeState,
  encodedOutputState,
  encodedProbe,
  encodedResponder,
  encodedSchedule,
  encodedStaple,
  whole,
} from '../store/encoding.ts'
import { keptAttempts, NEWEST_KEPT, OLD_KEPT } from '../store/kept-attempts.ts'
import {
  BEING_FETCHED,
  type CertificateRecord,
  type Changes,
  type ChangesWanted,
  type Claim,
  type Coverage,
  type EdgeRecord,
  type EdgeState,
  type Entry,
  type Outcome,
  type OutputState,
  type ProbeResult,
  type ResponderCoverage,
  type ResponderRecord,
  type Schedule,
  type StapleRecord,
  type Store,
} from '../store/store.ts'
import { DueTimes } from './memory-store-due-times.ts'

/**
 * A store without a disk, for simulations: everything is done when a method returns its promise, in an order that depends on nothing but
 * the calls. Disposing of it does nothing, so that what it holds survives a restart of the simulated service.
 */
export class MemoryStore implements Store {
  readonly #kept = new Map<string, Kept>()
  readonly #idsByCertIDKey = new Map<string, Set<string>>()
  readonly #dueTimes = new DueTimes()
  readonly #attempts = new Map<string, LoggedAttempt[]>()
  readonly #responders = new Map<string, ResponderRecord>()
  /** Number of the last change by certificate, in the order of the numbers. */
  readonly #changes = new Map<string, number>()
  #lastChange = 0
  readonly #edges = new Map<string, Edge>()
  readonly #probes = new Map<string, readonly ProbeResult[]>()
  #problems: readonly SourceProblem[] = []
  #added = 0

  async putCertificates(records: readonly CertificateRecord[], now: EpochMs): Promise<void> {
    const at = whole(now)
    for (const certificate of records.map(encodedCertificate)) this.#put(certificate, at)
  }

  async removeCertificates(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.#indexByCertIDKey(id, undefined)
      if (this.#kept.delete(id)) this.#noteChange(id)
      this.#dueTimes.delete(id)
    }
  }

  async certificateIds(): Promise<ReadonlySet<string>> {
    return new Set(this.#kept.keys())
  }

  async *entries(): AsyncGenerator<Entry, void, undefined> {
    const sorted = [...this.#kept.values()].map(({ certificate }) => certificate).sort(byName)
    for (const { id } of sorted) {
      const kept = this.#kept.get(id)
      if (kept !== undefined) yield entryOf(kept)
    }
  }

  async entry(
    by: { readonly id: string } | { readonly certIDKey: string },
  ): Promise<Entry | undefined> {
    const ids = 'id' in by ? [by.id] : (this.#idsByCertIDKey.get(by.certIDKey) ?? [])
    const found = [...ids].map((id) => this.#kept.get(id)).filter((kept) => kept !== undefined)
    const [first] = found.sort(byStapleAndId)
    return first && entryOf(first)
  }

  async changes({ after, limit, ids }: ChangesWanted): Promise<Changes> {
    const isWanted = ([id, number]: readonly [string, number]) =>
      number > after && (ids?.includes(id) ?? true)
    const all = [...this.#changes].filter(isWanted).slice(0, limit)
    const changes = all.map(([id, number]) => {
      const kept = this.#kept.get(id)
      return { number, id, entry: kept && entryOf(kept) }
    })
    return { changes, feed: 'memory', last: this.#lastChange, forgotten: 0 }
  }

  async dueResponders(now: EpochMs): Promise<readonly string[]> {
    return this.#dueTimes.responders(whole(now))
  }

  async claimDue(options: Parameters<Store['claimDue']>[0]): Promise<readonly Claim[]> {
    const { responder, now, limit, lease } = options
    const leasedUntil = whole(plus(now, lease))
    const ids = this.#dueTimes.take(responder, whole(now), whole(limit))
    return ids.flatMap((id) => this.#claim(id, leasedUntil))
  }

  async nextDueAt(): Promise<EpochMs | undefined> {
    return this.#dueTimes.next()
  }

  async coverage(now: EpochMs): Promise<Coverage> {
    const managed = this.#scheduled()
    const without = managed.filter((kept) => usableUntil(kept) <= now)
    const missing = without.map(({ certificate }) => certificate).sort(byName)
    return {
      managed: managed.length,
      stapled: managed.length - without.length,
      missing: missing.slice(0, MISSING_NAMED).map(({ name }) => name),
    }
  }

  async responderCoverage(now: EpochMs): Promise<readonly ResponderCoverage[]> {
    const groups = Map.groupBy(this.#scheduled(), ({ certificate }) => certificate.responder)
    const rows = [...groups].map(([responder, managed]) => ({
      responder,
      managed: managed.length,
      stapled: managed.filter((kept) => usableUntil(kept) > now).length,
      failing: managed.filter(({ schedule }) => (schedule?.attempts ?? 0) > 0).length,
      mustStapleWithout: managed.filter(
        (kept) => kept.certificate.mustStaple && usableUntil(kept) <= now,
      ).length,
    }))
    return rows.sort(byResponder)
  }

  async complete(id: string, schedule: Schedule, outcome: Outcome = {}): Promise<void> {
    const encoded = encodedSchedule(schedule)
    const staple = outcome.staple && encodedStaple(outcome.staple)
    for (const attempt of (outcome.attempts ?? []).map(encodedAttempt)) this.#log(attempt)
    const kept = this.#kept.get(id)
    if (kept === undefined) return
    const isNews = staple !== undefined || !isSameRevocation(kept.schedule, encoded)
    if (kept.schedule !== undefined) kept.schedule = encoded
    if (staple !== undefined) {
      kept.former = formerOf(kept, staple)
      kept.staple = staple
    }
    if (isNews) this.#noteChange(id)
    this.#setDue(kept)
  }

  async replanAttemptedAfter(
    after: EpochMs,
    plan: { readonly dueAt: EpochMs; readonly reason: string },
  ): Promise<void> {
    for (const kept of this.#scheduled()) {
      if (kept.schedule === undefined || (kept.schedule.lastAttemptAt ?? 0) <= after) continue
      kept.schedule = encodedSchedule({ ...kept.schedule, ...plan })
      this.#setDue(kept)
    }
  }

  async attempts(responder: string): Promise<readonly LoggedAttempt[]> {
    return keptAttempts(this.#attempts.get(responder) ?? [])
  }

  async putResponder(record: ResponderRecord): Promise<void> {
    this.#responders.set(record.responder, encodedResponder(record))
  }

  async responders(): Promise<readonly ResponderRecord[]> {
    return [...this.#responders.values()].sort(byResponder)
  }

  async putOutputStates(id: string, states: readonly OutputState[]): Promise<void> {
    const kept = this.#kept.get(id)
    if (kept !== undefined) kept.outputs = states.map(encodedOutputState).sort(byPlace)
  }

  async putEdge(
    edge: EdgeRecord,
    states: readonly EdgeState[],
    extent: 'all' | 'some',
  ): Promise<void> {
    const { name, seenAt } = edge
    const known = extent === 'all' ? [] : (this.#edges.get(name)?.states ?? [])
    const byID = new Map(known.map((state) => [state.id, state]))
    for (const state of states.map(encodedEdgeState)) byID.set(state.id, { ...state, edge: name })
    this.#edges.set(name, {
      record: { ...edge, seenAt: whole(seenAt) },
      states: [...byID.values()].sort((a, b) => compare(a.id, b.id)),
    })
  }

  async removeEdge(name: string): Promise<void> {
    this.#edges.delete(name)
  }

  async edges(): Promise<readonly EdgeRecord[]> {
    return this.#sortedEdges().map(({ record }) => record)
  }

  async edgeStates(
    of: { readonly edge: string } | { readonly id: string },
  ): Promise<readonly EdgeState[]> {
    const all = this.#sortedEdges().flatMap(({ states }) => states)
    return all.filter(({ edge, id }) => ('edge' in of ? edge === of.edge : id === of.id))
  }

  async putProbes(target: string, results: readonly ProbeResult[]): Promise<void> {
    this.#probes.set(target, results.map(encodedProbe).sort(byCertificate))
  }

  async probes(): Promise<readonly ProbeResult[]> {
    return [...this.#probes].sort(([a], [b]) => compare(a, b)).flatMap(([, results]) => results)
  }

  async withdrawStaple(id: string): Promise<void> {
    const kept = this.#kept.get(id)
    if (kept === undefined) return
    if (kept.staple !== undefined) this.#noteChange(id)
    kept.staple = undefined
    kept.former = undefined
    this.#setDue(kept)
  }

  async replaceProblems(problems: readonly SourceProblem[]): Promise<void> {
    this.#problems = [...problems]
  }

  async problems(): Promise<readonly SourceProblem[]> {
    return this.#problems
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #put(certificate: CertificateRecord, now: EpochMs): void {
    const { id, classification, certIDKey } = certificate
    const known = this.#kept.get(id)
    const kept = known ?? { order: this.#added++, certificate, ...NOTHING }
    this.#indexByCertIDKey(id, certIDKey)
    this.#kept.set(id, kept)
    this.#noteChange(id)
    kept.certificate = certificate
    kept.schedule = classification === 'ocsp' ? (kept.schedule ?? newSchedule(now)) : undefined
    this.#setDue(kept)
  }

  #sortedEdges(): Edge[] {
    return [...this.#edges.values()].sort((a, b) => compare(a.record.name, b.record.name))
  }

  #noteChange(id: string): void {
    this.#changes.delete(id)
    this.#changes.set(id, ++this.#lastChange)
  }

  #indexByCertIDKey(id: string, certIDKey: string | undefined): void {
    const before = this.#kept.get(id)?.certificate.certIDKey
    if (before === certIDKey && this.#kept.has(id)) return
    if (before !== undefined) {
      const ids = this.#idsByCertIDKey.get(before)
      ids?.delete(id)
      if (ids?.size === 0) this.#idsByCertIDKey.delete(before)
    }
    if (certIDKey === undefined) return
    this.#idsByCertIDKey.set(certIDKey, (this.#idsByCertIDKey.get(certIDKey) ?? new Set()).add(id))
  }

  #claim(id: string, leasedUntil: EpochMs): Claim[] {
    const kept = this.#kept.get(id)
    if (kept?.schedule === undefined) return []
    const { outputs: _, ...entry } = entryOf(kept)
    const claim = { ...entry, schedule: kept.schedule }
    kept.schedule = { ...kept.schedule, dueAt: leasedUntil, reason: BEING_FETCHED }
    this.#setDue(kept)
    return [claim]
  }

  #setDue(kept: Kept): void {
    const { order, certificate, schedule } = kept
    const { id, responder, mustStaple } = certificate
    if (schedule === undefined) {
      this.#dueTimes.delete(id)
      return
    }
    const until = usableUntil(kept)
    const urgency = until > 0 ? 2 : mustStaple ? 0 : 1
    const { dueAt } = schedule
    this.#dueTimes.set({ id, responder, dueAt, urgency, usableUntil: until, order })
  }

  #scheduled(): Kept[] {
    return [...this.#kept.values()].filter(({ schedule }) => schedule !== undefined)
  }

  #log(attempt: LoggedAttempt): void {
    const { responder } = attempt
    const attempts = this.#attempts.get(responder) ?? []
    attempts.push(attempt)
    const isPruned = attempts.length > NEWEST_KEPT + 2 * OLD_KEPT
    this.#attempts.set(responder, isPruned ? [...keptAttempts(attempts)] : attempts)
  }
}

interface Edge {
  readonly record: EdgeRecord
  readonly states: readonly EdgeState[]
}

interface Kept {
  readonly order: number
  certificate: CertificateRecord
  schedule: Schedule | undefined
  staple: StapleRecord | undefined
  former: StapleRecord | undefined
  outputs: readonly OutputState[]
}

function entryOf({ certificate, schedule, staple, former, outputs }: Kept): Entry {
  const entry = { certificate, schedule, staple, former }
  return outputs.length === 0 ? entry : { ...entry, outputs }
}

function newSchedule(now: EpochMs): Schedule {
  return {
    dueAt: now,
    reason: 'new certificate',
    attempts: 0,
    lastAttemptAt: undefined,
    lastError: undefined,
  }
}

function isSameRevocation(before: Schedule | undefined, { revocation: now }: Schedule): boolean {
  if (before === undefined) return true
  const { revocation } = before
  if (revocation === undefined || now === undefined) return revocation === now
  return Buffer.compare(revocation, now) === 0
}

/** The staple that is served until the new one is. */
function formerOf({ staple, former }: Kept, next: StapleRecord): StapleRecord | undefined {
  if (next.servedFrom <= next.fetchedAt) return undefined
  const isServed = staple !== undefined && staple.servedFrom <= next.fetchedAt
  return isServed ? staple : (former ?? staple)
}

function usableUntil({ staple, former }: Kept): number {
  return Math.max(staple?.usableUntil ?? 0, former?.usableUntil ?? 0)
}

function byName(a: CertificateRecord, b: CertificateRecord): number {
  return compare(a.name, b.name) || compare(a.id, b.id)
}

function byPlace(a: OutputState, b: OutputState): number {
  return compare(a.output, b.output) || compare(a.place, b.place)
}

function byCertificate(a: ProbeResult, b: ProbeResult): number {
  return compare(a.certificate?.id ?? '', b.certificate?.id ?? '')
}

function byResponder(a: { readonly responder: string }, b: { readonly responder: string }): number {
  return compare(a.responder, b.responder)
}

function byStapleAndId(a: Kept, b: Kept): number {
  const later = (b.staple?.usableUntil ?? 0) - (a.staple?.usableUntil ?? 0)
  return later || compare(a.certificate.id, b.certificate.id)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

const NOTHING = { schedule: undefined, staple: undefined, former: undefined, outputs: [] }
const MISSING_NAMED = 10
