import { type DurationMs, durationMs, type EpochMs, iso, SECOND_MS } from '../../der/time.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import { isGiven } from '../../refresh/intake.ts'
import { BEING_FETCHED, type Entry, type OutputState, type Store } from '../../store/store.ts'
import type { Clock } from '../../time/clock.ts'
import { whyNotOnEdges } from './edge-standing.ts'

/** How a certificate stands with who wants to deploy it. */
export interface Standing {
  /** `ready`: the staple is stored and every output has taken it. `needs-no-staple`: it can have none, as is normal for many. */
  readonly outcome: 'ready' | 'needs-no-staple' | 'waiting'
  /** What is not there yet, and why; `undefined` where nothing is missing. */
  readonly missing: string | undefined
  readonly entry: Entry | undefined
  readonly outputs: readonly OutputState[]
}

/** Knows how certificates stand. */
export interface AssuranceSource {
  readonly store: Pick<Store, 'entry' | 'edges' | 'edgeStates'>
  readonly staples: { byId(id: string): Promise<Staple | undefined> }
  readonly outputs: OutputsPort
  /** Files and folders that are watched for certificates, absolute. */
  readonly isWatched: (path: string) => boolean
  readonly clock: Clock
}

/** The outputs of this machine, as far as the API needs them. */
export interface OutputsPort {
  /** Resolves with their states when every output has been brought to the current staple of a certificate, reloads included. */
  settled(id: string): Promise<readonly OutputState[]>
}

/** What is waited for. */
export interface Wish {
  readonly id: string
  /** The file that the certificate stands in, absolute; where it is a watched one, it must have been seen there. */
  readonly file: string | undefined
  readonly wait: DurationMs
  /** Whether it is to be live on every edge that serves the certificate. */
  readonly onEdges: 'every' | 'any'
  /** Nobody waits any longer. */
  readonly signal: AbortSignal
}

/** Waits until a certificate is ready, or the time is over. Rejects with a `StoreError`. */
export async function assure(wish: Wish, source: AssuranceSource): Promise<Standing> {
  const { clock } = source
  const end = clock.monotonic() + wish.wait
  while (true) {
    const left = durationMs(Math.max(end - clock.monotonic(), SHORTEST_LOOK))
    const standing = await look(wish, source, left)
    if (standing.outcome !== 'waiting' || wish.signal.aborted) return standing
    if (clock.monotonic() >= end) return standing
    const isTried = standing.outputs.length > 0
    await clock.sleep(isTried ? TRY_EVERY : LOOK_EVERY, wish.signal)
  }
}

async function look(wish: Wish, source: AssuranceSource, left: DurationMs): Promise<Standing> {
  const { id, file } = wish
  const entry = await source.store.entry({ id })
  const waiting = (missing: string, outputs: readonly OutputState[] = []): Standing => {
    return { outcome: 'waiting', missing, entry, outputs }
  }
  if (entry === undefined) return waiting('it is no longer managed: it was removed meanwhile')
  const { classification, sources } = entry.certificate
  if (file !== undefined && source.isWatched(file) && !sources.includes(file)) {
    return waiting(`${file} was not read yet, though it is watched`)
  }
  if (classification === 'crl-only' || classification === 'no-revocation') {
    return { outcome: 'needs-no-staple', missing: undefined, entry, outputs: [] }
  }
  if (classification !== 'ocsp') return waiting(notStapled[classification])
  if ((await source.staples.byId(id)) === undefined) {
    return waiting(`no staple yet: ${whyNone(entry)}`)
  }
  // Servers that have not got the certificate have no use for its staple.
  const outputs = isGiven(sources) ? [] : await settledWithin(left, wish, source)
  if (outputs === 'not-yet') return waiting('the staple is stored, and outputs are being brought')
  const wrong = outputs.filter(({ state }) => state !== 'live')
  if (wrong.length > 0) return waiting(wrong.map(describeOutput).join('; '), outputs)
  const behind = wish.onEdges === 'every' ? await whyBehind(entry, source) : undefined
  if (behind !== undefined) return waiting(behind, outputs)
  return { outcome: 'ready', missing: undefined, entry, outputs }
}

async function whyBehind(
  entry: Entry,
  { store, clock }: AssuranceSource,
): Promise<string | undefined> {
  const { id } = entry.certificate
  const [edges, states] = await Promise.all([store.edges(), store.edgeStates({ id })])
  return whyNotOnEdges(entry, { edges, states, now: clock.now() })
}

async function settledWithin(
  left: DurationMs,
  { id, signal }: Wish,
  { outputs, clock }: AssuranceSource,
): Promise<readonly OutputState[] | 'not-yet'> {
  const done = new AbortController()
  const late = clock.sleep(left, AbortSignal.any([signal, done.signal]))
  try {
    return await Promise.race([outputs.settled(id), late.then(() => 'not-yet' as const)])
  } finally {
    done.abort()
  }
}

function whyNone({ schedule }: Entry): string {
  const { dueAt, reason, lastError } = schedule ?? {}
  const why = lastError ?? 'its CA was not asked yet'
  const next = reason === BEING_FETCHED ? 'it is being asked now' : nextAttempt(dueAt)
  return `${why}; ${next}`
}

function nextAttempt(dueAt: EpochMs | undefined): string {
  return dueAt === undefined ? 'no attempt is planned' : `next attempt ${iso(dueAt)}`
}

function describeOutput({ place, state, problem }: OutputState): string {
  return `${place} is ${state}${problem === undefined ? '' : `: ${problem}`}`
}

const notStapled = {
  'issuer-missing':
    'its issuer is not known: give the issuer’s certificate along, after its own, or wait until it was fetched',
  'not-yet-valid': 'it is not valid yet: its CA is asked from when it is',
  expired: 'it has expired',
  ca: 'it is a CA’s',
} as const

/** Looks cost a read of the store each, of microseconds. */
const LOOK_EVERY: DurationMs = durationMs(SECOND_MS / 10)
/** An output that failed is tried again with each look. */
const TRY_EVERY: DurationMs = durationMs(SECOND_MS)
/** Also who does not wait wants to know how outputs stand. */
const SHORTEST_LOOK: DurationMs = durationMs(SECOND_MS / 5)
