import type { Classification } from '../certificates/classify.ts'
import type { SourceProblem } from '../certificates/source.ts'
import type { DurationMs, EpochMs } from '../der/time.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'
import type { Habits } from '../responders/cadence.ts'

/** A certificate as it is kept. */
export interface CertificateRecord {
  /** SHA-256 of `der`, lower-case hex: the identity of a certificate everywhere. */
  readonly id: string
  readonly der: Uint8Array
  /** DER of the issuer's certificate, once known. */
  readonly issuer: Uint8Array | undefined
  /** What people call it: its first DNS name, else its common name. */
  readonly name: string
  /** Where it was found: absolute file paths, sorted. */
  readonly sources: readonly string[]
  readonly classification: Classification
  readonly mustStaple: boolean
  readonly notAfter: EpochMs
  /** `certIDKey()` of the certificate, once its issuer is known. */
  readonly certIDKey: string | undefined
  /** The origin of its first OCSP URL, `http://ocsp.example.org`: what rate, concurrency and health are counted by. Empty where it has none. */
  readonly responder: string
}

/** How many certificates that can have a staple do have one that is usable. */
export interface Coverage {
  readonly managed: number
  readonly stapled: number
  /** Names of certificates without, at most the first ten in order. */
  readonly missing: readonly string[]
}

/** The coverage of one responder's certificates, of those that are in the schedule. */
export interface ResponderCoverage {
  readonly responder: string
  readonly managed: number
  readonly stapled: number
  /** Those whose last attempt failed. */
  readonly failing: number
  /** Those that are must-staple and have no usable staple. */
  readonly mustStapleWithout: number
}

/** When a certificate is next asked about, and how it went so far. */
export interface Schedule {
  readonly dueAt: EpochMs
  /** In words for people: `a quarter of usable life`. */
  readonly reason: string
  /** Failed attempts since the last success. */
  readonly attempts: number
  readonly lastAttemptAt: EpochMs | undefined
  /** What went wrong last, `undefined` after a success. */
  readonly lastError: string | undefined
  /** When the responder last had nothing newer than the staple in hand. */
  readonly unchangedAt?: EpochMs | undefined
  /** thisUpdate of the response that said revoked, while that stands: only a newer one may say otherwise. */
  readonly revokedAsOf?: EpochMs | undefined
  /** That response, in canonical form, to show to others; not kept by releases before schema 7, so `undefined` until the CA says it again. */
  readonly revocation?: Uint8Array | undefined
}

/** The reason of a schedule while its certificate is claimed; its `dueAt` is the end of the lease. */
export const BEING_FETCHED = 'being fetched'

/** A staple as it is kept: the facts are for queries and for people, the bytes are judged again when read. */
export interface StapleRecord {
  readonly der: Uint8Array
  readonly received: Uint8Array
  readonly producedAt: EpochMs
  readonly thisUpdate: EpochMs
  readonly nextUpdate: EpochMs
  readonly usableUntil: EpochMs
  readonly fetchedAt: EpochMs
  /** From when it is handed out; later than fetchedAt where the former one is served for a while yet, for clients whose clocks run late. */
  readonly servedFrom: EpochMs
  /** The OCSP URL that it came from. */
  readonly url: string
}

/** A certificate that is due, taken for one attempt. */
export interface Claim {
  readonly certificate: CertificateRecord
  readonly schedule: Schedule
  readonly staple: StapleRecord | undefined
  /** The staple before it, kept while it is still the one that is served: until `servedFrom` of `staple`. */
  readonly former: StapleRecord | undefined
}

/** How an output stands with one certificate. */
export interface OutputState {
  /** Which output, as its configuration names it: a path template, or a socket. */
  readonly output: string
  /** Where the staple goes: a path, or a socket. */
  readonly place: string
  /**
   * `live`: the staple is there and the server was told. `withheld`: it is not written, as the server would mishandle it. `failed`: it could
   * not be written, or the server not be told; tried again. `withdrawn`: nothing is there, as there is no usable staple.
   */
  readonly state: 'live' | 'withheld' | 'failed' | 'withdrawn'
  /** SHA-256 of the staple that is there, lower-case hex. */
  readonly stapleSha256: string | undefined
  /** Why it is not `live`, or what to know of it though it is. */
  readonly problem: string | undefined
  /** Since when it is so. */
  readonly since: EpochMs
}

/** An edge, as its agent last told of it. */
export interface EdgeRecord {
  /** What it calls itself: a host name, unless it was given another. */
  readonly name: string
  readonly seenAt: EpochMs
  /** Of its agent. */
  readonly version: string
}

/** How one certificate stands on one edge. */
export interface EdgeState {
  readonly edge: string
  /** Of the certificate. */
  readonly id: string
  /** SHA-256 of the staple that the edge hands out, lower-case hex; `undefined` where it has none. */
  readonly stapleSha256: string | undefined
  /** Since when it hands out this one, or none. */
  readonly since: EpochMs
  readonly outputs: readonly OutputState[]
  /** What the last handshake with a server there gave: `stapled`, or why not; `undefined` where none was tried. */
  readonly probe: { readonly at: EpochMs; readonly outcome: string } | undefined
}

/** What the last check of a server found of one of its certificates. */
export interface ProbeResult {
  /** The server, as the configuration names it: `www.example.org:443`. */
  readonly target: string
  /** `undefined` where no handshake ever came about that told it. */
  readonly certificate: { readonly id: string; readonly name: string } | undefined
  /** `stapled`, or what was wrong, by a stable name. */
  readonly outcome: string
  /** In words; `undefined` where nothing is wrong. */
  readonly problem: string | undefined
  /** Since when the outcome is this one. */
  readonly since: EpochMs
  readonly checkedAt: EpochMs
  /** Those that came about, and of them those with a good staple, since `countedSince`. */
  readonly handshakes: number
  readonly stapled: number
  /** When the service was started. */
  readonly countedSince: EpochMs
}

/** All that is known of one certificate, for reports. */
export interface Entry {
  readonly certificate: CertificateRecord
  /** `undefined` where the classification gives it no place in the schedule. */
  readonly schedule: Schedule | undefined
  readonly staple: StapleRecord | undefined
  /** The staple before it, kept while it is still the one that is served: until `servedFrom` of `staple`. */
  readonly former: StapleRecord | undefined
  /** Sorted by output and place; `undefined` where no output was tried. */
  readonly outputs?: readonly OutputState[] | undefined
}

/** What an attempt brought, beside the schedule that follows from it. */
export interface Outcome {
  /** The new staple, if there is one. */
  readonly staple?: StapleRecord | undefined
  /** The exchanges with responders, in their order. */
  readonly attempts?: readonly LoggedAttempt[] | undefined
}

/** What is remembered of one responder. */
export interface ResponderRecord {
  /** The origin of its OCSP URLs. */
  readonly responder: string
  readonly habits: Habits
  readonly health: { readonly state: 'closed' | 'open'; readonly since: EpochMs }
  /** Since when nobody seems to answer OCSP there any more, whatever is asked about; `undefined` while somebody does. */
  readonly goneSince: EpochMs | undefined
}

/** The last change of one certificate: it was added, changed or removed, its staple was stored or withdrawn, or its revocation is a new one. */
export interface Change {
  /** Greater than that of every change before it. */
  readonly number: number
  /** Of the certificate. */
  readonly id: string
  /** As it is now; `undefined` where it was removed. */
  readonly entry: Entry | undefined
}

/** Changes in their order, at most so many as were asked for. */
export interface Changes {
  readonly changes: readonly Change[]
  /** Which feed the numbers are of: those of another database mean other changes. */
  readonly feed: string
  /** The number of the last change of all. */
  readonly last: number
  /** Removals up to this number are no longer remembered: who has seen less has to compare all that it has. */
  readonly forgotten: number
}

/** Which changes are asked for. */
export interface ChangesWanted {
  /** Those with a greater number than this; 0 for all there are. */
  readonly after: number
  readonly limit: number
  /** Only those of these certificates. */
  readonly ids?: readonly string[] | undefined
}

/** How many removed certificates are remembered for the change feed: the last. */
export const REMOVALS_KEPT = 100_000

/**
 * The one truth, in SQLite on one machine or in PostgreSQL for a fleet; every engine passes `storeContract`.
 *
 * A promise of a method that writes resolves when the change is durable (it survives kill -9 and loss of power), and rejects with a
 * `StoreError` when it is not; writes are batched, so many may be under way. Reads see every write whose promise has resolved.
 */
export interface Store extends AsyncDisposable {
  /**
   * Adds certificates or updates those with the same id. One that is classified `ocsp` and has no schedule yet is due at `now`, with the reason `new
   * certificate`; one that is no longer `ocsp` loses its schedule, and keeps its staple.
   */
  putCertificates(records: readonly CertificateRecord[], now: EpochMs): Promise<void>

  /** Removes certificates with their schedules and staples. Unknown ids are ignored. */
  removeCertificates(ids: readonly string[]): Promise<void>

  /** The ids of all certificates. */
  certificateIds(): Promise<ReadonlySet<string>>

  /** Every certificate with its schedule and staple, sorted by name, read in pages so that a million need no memory. */
  entries(): AsyncIterable<Entry>

  /** One certificate by its id, or by `certIDKey`; `undefined` where there is none. */
  entry(by: { readonly id: string } | { readonly certIDKey: string }): Promise<Entry | undefined>

  /** The responders that have a certificate which is due at `now`, the most urgent first (in the order of `claimDue`, then by name). */
  dueResponders(now: EpochMs): Promise<readonly string[]>

  /**
   * Takes up to `limit` certificates of one responder that are due at `now`: those without a staple first, must-staple first among them, then by
   * usableUntil (of the former staple where that is later), then by dueAt, then in the order in which they were added. A claimed certificate is not given out again before `now + lease`, unless `complete` says so: a crash delays it by no more than that.
   */
  claimDue(options: {
    readonly responder: string
    readonly now: EpochMs
    readonly limit: number
    readonly lease: DurationMs
  }): Promise<readonly Claim[]>

  /**
   * What has changed since a change; of several changes of one certificate, the last. Whoever asks again with the number of the last one that
   * it has seen misses nothing and sees nothing twice.
   */
  changes(wanted: ChangesWanted): Promise<Changes>

  /** The earliest `dueAt` of all schedules, claims included with the end of their lease. */
  nextDueAt(): Promise<EpochMs | undefined>

  /** Coverage of the certificates that are classified `ocsp`. */
  coverage(now: EpochMs): Promise<Coverage>

  /** The same by responder, sorted by responder. */
  responderCoverage(now: EpochMs): Promise<readonly ResponderCoverage[]>

  /**
   * Ends a claim: stores the schedule and, in the same transaction, the staple if there is a new one, and the attempts. A staple that is
   * served only later than it was fetched keeps the one that is served until then as its former one; any other drops the former one. Of a
   * certificate removed meanwhile, only the attempts are kept.
   */
  complete(id: string, schedule: Schedule, outcome?: Outcome): Promise<void>

  /** Makes due at `dueAt`, for this reason, every certificate whose last attempt was later than `after`: planned by a clock that ran ahead. */
  replanAttemptedAfter(
    after: EpochMs,
    plan: { readonly dueAt: EpochMs; readonly reason: string },
  ): Promise<void>

  /** The attempts with a responder that are kept, as `keptAttempts` says, oldest first. */
  attempts(responder: string): Promise<readonly LoggedAttempt[]>

  /** Remembers a responder, in place of what was remembered of it. */
  putResponder(record: ResponderRecord): Promise<void>

  /** The responders that are remembered, sorted by responder. */
  responders(): Promise<readonly ResponderRecord[]>

  /** Replaces what is known of the outputs of a certificate. Unknown ids are ignored. */
  putOutputStates(id: string, states: readonly OutputState[]): Promise<void>

  /** Notes what an edge tells of itself: of `all` its certificates, so that others are no longer there, or of `some`. */
  putEdge(edge: EdgeRecord, states: readonly EdgeState[], extent: 'all' | 'some'): Promise<void>

  /** Forgets an edge. Unknown names are ignored. */
  removeEdge(name: string): Promise<void>

  /** The edges that are known, sorted by name. */
  edges(): Promise<readonly EdgeRecord[]>

  /** How certificates stand on edges, sorted by edge, then by certificate: of one edge, or of one certificate. */
  edgeStates(of: { readonly edge: string } | { readonly id: string }): Promise<readonly EdgeState[]>

  /** Replaces what is known of a server by the results of its last check, all of this target; without any it is forgotten. */
  putProbes(target: string, results: readonly ProbeResult[]): Promise<void>

  /** What is known of servers, sorted by target, then by certificate. */
  probes(): Promise<readonly ProbeResult[]>

  /** Withdraws the staple of a certificate and the former one, as when it is revoked. */
  withdrawStaple(id: string): Promise<void>

  /** Replaces the list of what is wrong with the sources. */
  replaceProblems(problems: readonly SourceProblem[]): Promise<void>

  problems(): Promise<readonly SourceProblem[]>
}

/** The world failed the store: disk full, file unreadable, newer schema. The message says what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code = 'STORE'
  /** `unwritable`: the disk is full, read-only or failing; what is stored may be read all the same. */
  readonly reason: 'unwritable' | 'other'

  constructor(
    message: string,
    options: ErrorOptions & { readonly reason?: StoreError['reason'] } = {},
  ) {
    super(message, options)
    this.reason = options.reason ?? 'other'
  }
}
