import { DAY_MS, durationMs, type EpochMs, iso } from '../der/time.ts'
import { clientNames } from '../ocsp/clients.ts'
import type { Explanation } from '../ocsp/explain.ts'
import { rules } from '../ocsp/rules/index.ts'
import type { Finding } from '../ocsp/verdict.ts'
import { formatDuration } from '../time/duration.ts'
import { columns, oneLine, paint, type Terminal } from './terminal.ts'

/** An explanation as lines for people: a headline, the facts, the findings, and what each client makes of it. */
export function explanationText(
  terminal: Terminal,
  title: string,
  explanation: Explanation,
  now: EpochMs,
): string[] {
  return [
    `${paint(terminal, 'bold', oneLine(title))}: ${headline(terminal, explanation)}`,
    ...indent(columns(facts(explanation, now))),
    ...section('findings', findingLines(terminal, explanation.findings)),
    ...section('not judged', explanation.notJudged.map(oneLine)),
    ...section(clientsTitle(explanation), clientLines(terminal, explanation)),
  ]
}

function headline(
  terminal: Terminal,
  { accepted, canonical, notJudged, findings }: Explanation,
): string {
  const refused = findings.some(({ level }) => level === 'reject')
  if (accepted) return paint(terminal, 'green', 'accepted by every required client')
  if (notJudged.length > 0 && !refused)
    return paint(terminal, 'yellow', 'nothing wrong seen, but not all could be judged')
  if (canonical.accepted) {
    return paint(
      terminal,
      'yellow',
      'not accepted as it is; repaired without touching what is signed, it is',
    )
  }
  return paint(terminal, 'red', 'not acceptable as a staple')
}

function facts(explanation: Explanation, now: EpochMs): string[][] {
  const { status, thisUpdate, nextUpdate, producedAt, usableUntil, signer } = explanation
  const { serialNumber, sizeBytes, canonical } = explanation
  const saved = canonical.bytesSaved > 0 ? `, ${sizeBytes - canonical.bytesSaved} repaired` : ''
  return [
    ...(status === null ? [] : [['status', status]]),
    ...(serialNumber === null ? [] : [['serialNumber', serialNumber]]),
    ['judged as of', iso(now)],
    ...timeRow('producedAt', producedAt, now),
    ...timeRow('thisUpdate', thisUpdate, now),
    ...timeRow('nextUpdate', nextUpdate, now),
    ...timeRow('usableUntil', usableUntil, now),
    ...(signer === null
      ? []
      : [
          ['signer', oneLine(`${signer.kind}, ${signer.name}, until ${signer.notAfter}`)],
          ['signature', signer.algorithm],
        ]),
    ['size', `${sizeBytes} bytes${saved}`],
  ]
}

function timeRow(name: string, time: string | null, now: EpochMs): string[][] {
  if (time === null) return []
  const distance = Date.parse(time) - now
  const span =
    Math.abs(distance) < MANY_YEARS ? formatDuration(durationMs(Math.abs(distance))) : 'ages'
  return [[name, `${time}  (${distance < 0 ? `${span} ago` : `in ${span}`})`]]
}

function findingLines(terminal: Terminal, findings: readonly Finding[]): string[] {
  return findings.flatMap(({ rule, level, saw, required, rejectedBy, reference }) => {
    const who = rejectedBy.length === 0 ? 'no client minds' : `refused by ${whoRefuses(rejectedBy)}`
    return [
      `${paint(terminal, levelStyle[level], level.padEnd(6))}  ${paint(terminal, 'bold', rule)}`,
      `        ${meanings.get(rule) ?? ''}`,
      oneLine(`        saw ${saw}; required: ${required}`),
      `        ${who} (${reference})`,
    ]
  })
}

function clientsTitle({ notJudged }: Explanation): string {
  return notJudged.length === 0
    ? 'clients, for the bytes as given'
    : 'clients, for the bytes as given, as far as could be judged'
}

function whoRefuses(clients: readonly string[]): string {
  return clients.length === clientNames.length ? 'every client' : clients.join(', ')
}

function clientLines(terminal: Terminal, { clients }: Explanation): string[] {
  const cells = clientNames.map((name) =>
    clients[name]
      ? `${paint(terminal, 'green', '+')} ${name}`
      : `${paint(terminal, 'red', '-')} ${name}`,
  )
  return columns([cells.slice(0, 5), cells.slice(5)])
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`  ${title}`, ...indent(indent(lines))]
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}

const meanings = new Map(rules.map(({ name, meaning }) => [name, meaning]))
const levelStyle = { reject: 'red', repair: 'yellow', warn: 'yellow', info: 'cyan' } as const
const MANY_YEARS = 36_500 * DAY_MS
