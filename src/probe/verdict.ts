import { isRefusal } from './connection-failure.ts'
import type { HeldComparison } from './held-staple.ts'
import { isMissing } from './outcome.ts'
import type { CheckedHandshake, FailedCheck, ServerCheck, StapleCheck } from './server-check.ts'

/** What a check comes to, in the words of monitoring plug-ins. */
export interface ServerVerdict {
  readonly level: 'OK' | 'WARNING' | 'CRITICAL' | 'UNKNOWN'
  /** One line, without the server's name. */
  readonly summary: string
}

/** Weighs the handshakes of a check: the worst decides. Pure. */
export function verdictOf(check: ServerCheck): ServerVerdict {
  const done = completed(check)
  const [failure] = failed(check)
  if (done.length === 0) {
    return { level: 'UNKNOWN', summary: failure?.problem ?? 'no handshake came about' }
  }
  const missing = done.filter(({ outcome }) => isMissing(outcome))
  const [worst] = missing
  if (worst !== undefined) {
    const what = `${missing.length} of ${done.length} handshakes without a good staple`
    return {
      level: 'CRITICAL',
      summary: `${what}: ${worst.outcome}, ${worst.clients.hardFail.why}`,
    }
  }
  const [refused] = done
    .flatMap(({ clients }) => [clients.softFail, clients.mustStapleBrowser])
    .filter(({ connects }) => !connects)
  if (refused !== undefined) return { level: 'CRITICAL', summary: refused.why }
  return warning(done, failure) ?? { level: 'OK', summary: goodSummary(done) }
}

/** The handshakes that came about. */
export function completed({ handshakes }: ServerCheck): readonly StapleCheck[] {
  return handshakes.filter((one) => one.kind === 'completed')
}

/** The handshakes that should have come about: not those for which the server has, beside others, no certificate or no such protocol. */
export function failed(check: ServerCheck): readonly FailedCheck[] {
  const isElsewhere = completed(check).length > 0
  return check.handshakes
    .filter((one) => one.kind === 'failed')
    .filter((one) => !(isElsewhere && isRefusal(one)))
}

/** Whether the server has nothing for this offer: no certificate with such a key, or not this protocol. */
export function isNotOffered(one: CheckedHandshake, check: ServerCheck): boolean {
  return one.kind === 'failed' && !failed(check).includes(one)
}

function warning(
  done: readonly StapleCheck[],
  failure: FailedCheck | undefined,
): ServerVerdict | undefined {
  if (failure !== undefined) {
    return { level: 'WARNING', summary: `not every handshake came about: ${failure.problem}` }
  }
  const held = done.find((one) => one.outcome === 'stapled' && isOther(one.held))?.held
  return held === undefined || held === null
    ? undefined
    : { level: 'WARNING', summary: difference(held) }
}

function isOther(held: HeldComparison | null): boolean {
  return held !== null && held.state !== 'same'
}

function difference({ state, heldThisUpdate, sentThisUpdate }: HeldComparison): string {
  if (state === 'other') {
    return `stapled, but not what everstaple holds: thisUpdate ${sentThisUpdate}, held ${heldThisUpdate}`
  }
  return state === 'none-held'
    ? 'stapled, but everstaple holds no staple for this certificate'
    : 'stapled, but everstaple does not manage this certificate'
}

function goodSummary(done: readonly StapleCheck[]): string {
  const stapled = done.filter(({ outcome }) => outcome === 'stapled')
  if (stapled.length === 0) return 'no staple, as the certificate names no OCSP responder'
  const [until] = stapled.flatMap(({ staple }) => staple?.usableUntil ?? []).sort()
  const usable = until === undefined ? '' : `, usable until ${until}`
  return `${stapled.length} of ${done.length} handshakes stapled${usable}`
}
