import { type DurationMs, durationMs, type EpochMs, iso, MINUTE_MS } from '../../der/time.ts'
import { stapleDigest } from '../../store/staple-digest.ts'
import type { EdgeRecord, EdgeState, Entry, StapleRecord } from '../../store/store.ts'

/** How an edge stands with a certificate, compared with what the centre has. */
export type EdgeStanding =
  /** Its staple is one that the centre hands out as well, and every output has it. */
  | { readonly kind: 'live' }
  | { readonly kind: 'behind'; readonly problem: string }
  /** It was not heard of for long: what it has now is not known. */
  | { readonly kind: 'silent'; readonly problem: string }

/** Whether an edge was not heard of for long. */
export function isSilent({ seenAt }: Pick<EdgeRecord, 'seenAt'>, now: EpochMs): boolean {
  return now - seenAt > SILENT_AFTER
}

/** How one edge stands with a certificate. `entry` is what the centre has of it; `undefined` where it does not manage it. */
export function edgeStanding(
  state: EdgeState,
  {
    edge,
    entry,
    now,
  }: { readonly edge: EdgeRecord; readonly entry: Entry | undefined; readonly now: EpochMs },
): EdgeStanding {
  if (isSilent(edge, now)) {
    return { kind: 'silent', problem: `was last heard of at ${iso(edge.seenAt)}` }
  }
  if (entry === undefined) return behind('has a certificate that the centre does not manage')
  if (state.stapleSha256 === undefined) return behind('has no staple')
  const had = staplesNow(entry, now).find(({ der }) => stapleDigest(der) === state.stapleSha256)
  if (had === undefined) {
    return behind(`has another staple than the centre, since ${iso(state.since)}`)
  }
  if (had.usableUntil <= now) return behind(`has a staple that ended at ${iso(had.usableUntil)}`)
  const wrong = state.outputs.find((output) => output.state !== 'live')
  if (wrong === undefined) return { kind: 'live' }
  const { place, problem } = wrong
  return behind(`${place} is ${wrong.state}${problem === undefined ? '' : `: ${problem}`}`)
}

/** Why a certificate is not live on every edge that serves it; `undefined` where it is. */
export function whyNotOnEdges(
  entry: Entry,
  {
    edges,
    states,
    now,
  }: {
    readonly edges: readonly EdgeRecord[]
    /** Of this certificate. */
    readonly states: readonly EdgeState[]
    readonly now: EpochMs
  },
): string | undefined {
  if (states.length === 0) return 'no edge has reported that it serves this certificate'
  const byName = new Map(edges.map((edge) => [edge.name, edge]))
  const problems = states.flatMap((state) => {
    const edge = byName.get(state.edge)
    const standing = edge && edgeStanding(state, { edge, entry, now })
    return standing === undefined || standing.kind === 'live'
      ? []
      : [`${state.edge} ${standing.problem}`]
  })
  return problems.length === 0 ? undefined : problems.join('; ')
}

/** Those that an edge may have now: the newest, and the former one until a while after its time. */
function staplesNow({ staple, former }: Entry, now: EpochMs): readonly StapleRecord[] {
  if (staple === undefined) return []
  const isOver = former === undefined || now - staple.servedFrom >= LATE_AFTER
  return isOver ? [staple] : [staple, former]
}

function behind(problem: string): EdgeStanding {
  return { kind: 'behind', problem }
}

/** An agent goes over to a new staple by its own clock, and tells of it within a minute. */
const LATE_AFTER: DurationMs = durationMs(5 * MINUTE_MS)
/** An agent says every minute that it is alive. */
const SILENT_AFTER: DurationMs = durationMs(10 * MINUTE_MS)
