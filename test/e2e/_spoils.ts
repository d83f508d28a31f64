import { DAY_MS, type EpochMs, epochMs, MINUTE_MS, plus } from '../../src/der/time.ts'
import { DelegatingStore } from '../../src/lab/simulation/delegating-store.ts'
import type { Spoil } from '../../src/lab/simulation/spoil.ts'
import type { HttpRequest, HttpResult, Transport } from '../../src/responders/transport.ts'
import type { Claim, Entry, Outcome, Schedule, StapleRecord, Store } from '../../src/store/store.ts'

/** What is wrong with the service, in words, the invariant that must notice, and how it is done. */
export const spoils: readonly (readonly [string, string, Spoil])[] = [
  ['presence', 'never asking again after a failure', planning(afterFailure(100 * DAY_MS))],
  ['presence', 'asking a day too late', planning(({ dueAt }) => plus(dueAt, DAY_MS))],
  ['presence', 'not asking about certificates that are too new', planning(afterFailure(DAY_MS))],
  ['starvation', 'a responder that is forgotten', { store: (store) => new Forgetful(store) }],
  ['economy', 'asking all the time', planning(everyMinutes(5))],
  ['handed-out', 'staples that come back from the past', { kept: (store) => new Past(store) }],
  ['handed-out', 'the staple of a revoked certificate', { store: (store) => new Keeping(store) }],
  ['concurrency', 'asking ten times at once', sending(tenAtOnce)],
  ['rate', 'asking a hundred times', sending(aHundred)],
  ['memory', 'taking all that is due at once', { store: (store) => new Generous(store) }],
  ['breaker', 'asking at once whoever is away', sending(twice)],
]

class Replanning extends DelegatingStore {
  readonly #dueAt: (schedule: Schedule) => EpochMs

  constructor(store: Store, dueAt: (schedule: Schedule) => EpochMs) {
    super(store)
    this.#dueAt = dueAt
  }

  override complete(id: string, schedule: Schedule, outcome?: Outcome): Promise<void> {
    return super.complete(id, { ...schedule, dueAt: this.#dueAt(schedule) }, outcome)
  }
}

function planning(dueAt: (schedule: Schedule) => EpochMs): Spoil {
  return { store: (store) => new Replanning(store, dueAt) }
}

function afterFailure(later: number): (schedule: Schedule) => EpochMs {
  return ({ dueAt, attempts }) => (attempts > 0 ? plus(dueAt, later) : dueAt)
}

function everyMinutes(count: number): (schedule: Schedule) => EpochMs {
  return ({ dueAt, lastAttemptAt = dueAt }) =>
    epochMs(Math.min(dueAt, plus(lastAttemptAt, count * MINUTE_MS)))
}

class Forgetful extends DelegatingStore {
  override async dueResponders(now: EpochMs): Promise<readonly string[]> {
    return (await super.dueResponders(now)).filter((responder) => responder !== 'http://ca2.test')
  }
}

/** Gives each second staple but as the one two before. */
class Past extends DelegatingStore {
  readonly #seen = new Map<string, StapleRecord[]>()

  override async entry(by: Parameters<Store['entry']>[0]): Promise<Entry | undefined> {
    const entry = await super.entry(by)
    if (entry?.staple === undefined) return entry
    const seen = this.#seen.get(entry.certificate.id) ?? []
    if (seen.at(-1)?.thisUpdate !== entry.staple.thisUpdate) seen.push(entry.staple)
    this.#seen.set(entry.certificate.id, seen)
    const staple = seen.length % 2 === 0 ? seen.at(-3) : undefined
    return { ...entry, staple: staple ?? entry.staple, former: undefined }
  }
}

/** Gives ten times what it was asked for. */
class Generous extends DelegatingStore {
  override claimDue(options: Parameters<Store['claimDue']>[0]): Promise<readonly Claim[]> {
    return super.claimDue({ ...options, limit: 10 * options.limit })
  }
}

class Keeping extends DelegatingStore {
  override async withdrawStaple(): Promise<void> {}
}

type Sending = (send: () => Promise<HttpResult>) => Promise<HttpResult>

function sending(how: Sending): Spoil {
  return {
    transport: (transport: Transport): Transport => ({
      send: (request: HttpRequest) => how(() => transport.send(request)),
      [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
    }),
  }
}

async function tenAtOnce(send: () => Promise<HttpResult>): Promise<HttpResult> {
  const results = await Promise.all(Array.from({ length: 9 }, send))
  return results[0] ?? send()
}

async function aHundred(send: () => Promise<HttpResult>): Promise<HttpResult> {
  for (let sent = 0; sent < 99; sent++) await send()
  return send()
}

async function twice(send: () => Promise<HttpResult>): Promise<HttpResult> {
  await send()
  return send()
}
