import { durationMs, type EpochMs, iso } from '../der/time.ts'
import { edgeStanding, isSilent } from '../serve/api/edge-standing.ts'
import { openSqliteStoreForReading, type StoreForReading } from '../store/sqlite.ts'
import type { EdgeRecord, EdgeState } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { formatDuration } from '../time/duration.ts'
import { readSettings } from './settings.ts'
import type { StatusOptions } from './status.ts'
import { columns, type ExitStatus, oneLine, paint, type Terminal } from './terminal.ts'

/**
 * Reports on every edge: when it was last heard of, and which certificates are not live there. Status 1 where an edge is silent or behind.
 * Throws a `StoreError` or a `UsageError`.
 */
export async function statusEdgesCommand(
  options: StatusOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
): Promise<ExitStatus> {
  const config = await readSettings({ config: options.config, data: options.data })
  await using store = await openSqliteStoreForReading({ folder: config.data })
  const now = clock.now()
  const reports: EdgeReport[] = []
  for (const edge of await store.edges()) reports.push(await reportOf(edge, store, now))
  if (options.json) terminal.out(JSON.stringify({ edges: reports }))
  else for (const line of table(terminal, reports, now)) terminal.out(line)
  return reports.every(({ silent, behind }) => !silent && behind.length === 0) ? 0 : 1
}

/** One of the edges that `everstaple status --edges --json` prints. Times are ISO 8601. */
interface EdgeReport {
  readonly edge: string
  readonly version: string
  readonly seenAt: string
  readonly silent: boolean
  /** Certificates that it reports. */
  readonly certificates: number
  /** Those whose staple is live there and is one that the centre hands out. */
  readonly live: number
  readonly behind: readonly {
    readonly name: string
    readonly fingerprint: string
    readonly problem: string
  }[]
  /** What the last handshakes with its servers gave, where they are probed. */
  readonly probes: readonly {
    readonly fingerprint: string
    readonly at: string
    readonly outcome: string
  }[]
}

async function reportOf(
  edge: EdgeRecord,
  store: StoreForReading,
  now: EpochMs,
): Promise<EdgeReport> {
  const states = await store.edgeStates({ edge: edge.name })
  const behind: EdgeReport['behind'][number][] = []
  for (const state of states) {
    const entry = await store.entry({ id: state.id })
    const standing = edgeStanding(state, { edge, entry, now })
    if (standing.kind !== 'behind') continue
    const name = entry?.certificate.name ?? state.id.slice(0, 16)
    behind.push({ name, fingerprint: state.id, problem: standing.problem })
  }
  const silent = isSilent(edge, now)
  return {
    edge: edge.name,
    version: edge.version,
    seenAt: iso(edge.seenAt),
    silent,
    certificates: states.length,
    live: silent ? 0 : states.length - behind.length,
    behind,
    probes: states.flatMap(probeOf),
  }
}

function probeOf({ id, probe }: EdgeState): EdgeReport['probes'] {
  return probe === undefined ? [] : [{ fingerprint: id, at: iso(probe.at), outcome: probe.outcome }]
}

function table(terminal: Terminal, reports: readonly EdgeReport[], now: EpochMs): string[] {
  if (reports.length === 0) return ['no edge has reported; `everstaple agent` runs on them']
  const rows = reports.map((report) => {
    const { edge, version, seenAt, silent, certificates, live } = report
    const ago = formatDuration(durationMs(Math.max(0, now - Date.parse(seenAt))))
    const isWell = !silent && live === certificates
    return [
      isWell ? paint(terminal, 'green', '+') : paint(terminal, 'red', '-'),
      oneLine(edge),
      silent ? `silent for ${ago}` : `${live} of ${certificates} live`,
      `heard of ${ago} ago`,
      `agent ${oneLine(version)}`,
    ]
  })
  const details = reports.flatMap(({ edge, behind }) =>
    behind.map(({ name, problem }) => `    ${oneLine(`${edge}: ${name} ${problem}`)}`),
  )
  return [...columns(rows), ...details]
}
