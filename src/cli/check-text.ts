import { hints } from '../probe/connection-failure.ts'
import { isMissing } from '../probe/outcome.ts'
import type { CheckedHandshake, ServerCheck, StapleCheck } from '../probe/server-check.ts'
import { completed, failed, isNotOffered, type ServerVerdict } from '../probe/verdict.ts'
import { columns, oneLine, paint, type Terminal } from './terminal.ts'

/** A check as lines: the first one as monitoring systems read it, with performance data behind a bar; then what was seen. */
export function checkText(
  terminal: Terminal,
  check: ServerCheck,
  verdict: ServerVerdict,
): string[] {
  const rows = check.handshakes.map((one) => handshakeRow(terminal, one, check))
  const [failure] = completed(check).length === 0 ? failed(check) : []
  return [
    headline(terminal, check, verdict),
    ...columns(rows).map((line) => `  ${line}`),
    ...(failure === undefined ? [] : [`  hint: ${hints[failure.reason]}`]),
    ...distinct(completed(check)).flatMap((one) => details(terminal, one)),
  ]
}

function headline(
  terminal: Terminal,
  check: ServerCheck,
  { level, summary }: ServerVerdict,
): string {
  const done = completed(check)
  const stapled = done.filter(({ outcome }) => outcome === 'stapled').length
  // A bar would begin the performance data.
  const text = oneLine(`${check.target}: ${summary}`).replaceAll('|', '/')
  const word = paint(terminal, level === 'OK' ? 'green' : 'red', level)
  return `${word} - ${text} | handshakes=${done.length} stapled=${stapled}`
}

function handshakeRow(terminal: Terminal, one: CheckedHandshake, check: ServerCheck): string[] {
  const offer = [`TLS ${one.tls}`, one.key.toUpperCase()]
  if (one.kind === 'failed') {
    const word = isNotOffered(one, check) ? 'not offered' : one.reason
    return [...offer, paint(terminal, 'dim', word), oneLine(one.problem)]
  }
  const { name, id, mustStaple } = one.certificate
  const style = isMissing(one.outcome) ? 'red' : 'green'
  const kind = mustStaple ? ', must-staple' : ''
  const size = one.staple === null ? '' : `, ${one.staple.sizeBytes} bytes`
  return [
    ...offer,
    paint(terminal, style, one.outcome),
    oneLine(`${name} (${id.slice(0, 12)}${kind})${size}`),
  ]
}

/** One of each certificate and staple: servers mostly send the same in TLS 1.2 and 1.3. */
function distinct(checks: readonly StapleCheck[]): readonly StapleCheck[] {
  const seen = new Map<string, StapleCheck>()
  for (const one of checks) {
    const key = `${one.certificate.id} ${one.staple?.sha256}`
    if (!seen.has(key)) seen.set(key, one)
  }
  return [...seen.values()]
}

function details(terminal: Terminal, one: StapleCheck): string[] {
  const { certificate, staple, clients, held } = one
  const facts = [
    ...(staple?.thisUpdate ? [['thisUpdate', staple.thisUpdate]] : []),
    ...(staple?.nextUpdate ? [['nextUpdate', staple.nextUpdate]] : []),
    ...(staple?.usableUntil ? [['usableUntil', staple.usableUntil]] : []),
    ['hard-fail client', conduct(terminal, clients.hardFail)],
    ['soft-fail client', conduct(terminal, clients.softFail)],
    ['must-staple browser', conduct(terminal, clients.mustStapleBrowser)],
    ...(held === null ? [] : [['held by everstaple', heldWords[held.state]]]),
    ...(certificate.distrust === null ? [] : [['not trusted here', certificate.distrust]]),
    ...(staple?.findings ?? []).map(({ rule, level, saw, required }) => [
      level,
      oneLine(`${rule}: saw ${saw}; required: ${required}`),
    ]),
    ...(staple?.notJudged ?? []).map((what) => ['not judged', what.replace('--issuer', '--ca')]),
  ]
  const title = `${certificate.name} (${certificate.id.slice(0, 12)})`
  const lines = columns(facts).map((line) => `    ${line}`)
  return [`  ${paint(terminal, 'bold', oneLine(title))}`, ...lines]
}

function conduct(
  terminal: Terminal,
  { connects, why, error }: StapleCheck['clients']['hardFail'],
): string {
  const word = connects ? paint(terminal, 'green', 'connects') : paint(terminal, 'red', 'refuses')
  return `${word}: ${oneLine(why)}${error === undefined ? '' : ` (${error})`}`
}

const heldWords = {
  same: 'the same bytes',
  other: 'another staple',
  'not-sent': 'a staple, which the server does not send',
  'none-held': 'no staple',
  'not-managed': 'not a certificate of this store',
} as const
