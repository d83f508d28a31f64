import { type Count, type CountKey, isGood, share, type Tally } from '../probe/tally.ts'
import type { ServerVerdict } from '../probe/verdict.ts'
import { columns, oneLine, paint, type Terminal } from './terminal.ts'

/** What was counted so far, a line per server and certificate, and how each server did last. */
export function probeTable(
  terminal: Terminal,
  tally: Tally,
  verdicts: ReadonlyMap<string, ServerVerdict>,
): string[] {
  const { good, all } = share(tally.counts)
  const rows = groups(tally.counts).map((counts) => row(terminal, counts, verdicts))
  const title = `${good} of ${all} handshakes as they should be`
  return [
    paint(terminal, good === all ? 'green' : 'red', title),
    ...columns([['now', 'server', 'certificate', 'key', 'good', 'otherwise'], ...rows]),
  ]
}

function row(
  terminal: Terminal,
  counts: readonly [Count, ...Count[]],
  verdicts: ReadonlyMap<string, ServerVerdict>,
): string[] {
  const [{ server, certificate, key }] = counts
  const { good, all } = share(counts)
  const level = verdicts.get(server)?.level ?? ''
  const others = counts
    .filter(({ outcome }) => !isGood(outcome))
    .map(({ outcome, handshakes }) => `${outcome} ${handshakes}`)
  return [
    paint(terminal, level === 'OK' ? 'green' : 'red', level),
    oneLine(server),
    oneLine(certificate) || '-',
    key.toUpperCase() || '-',
    `${good}/${all}`,
    others.join(', '),
  ]
}

function groups(counts: readonly Count[]): readonly (readonly [Count, ...Count[]])[] {
  const found = new Map<string, [Count, ...Count[]]>()
  for (const count of counts) {
    const group = found.get(name(count))
    if (group === undefined) found.set(name(count), [count])
    else group.push(count)
  }
  return [...found.values()]
}

function name({ server, certificate, key }: CountKey): string {
  return [server, certificate, key].join(' ')
}
