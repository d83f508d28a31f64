import { type EpochMs, epochMs } from '../der/time.ts'
import type { ProbeResult } from '../store/store.ts'
import { isMissing } from './outcome.ts'
import type { FailedCheck, ServerCheck, StapleCheck } from './server-check.ts'
import { completed, failed } from './verdict.ts'

/** What was known of a server. */
export interface KnownServer {
  /** The results of its check before. */
  readonly before: readonly ProbeResult[]
  /** Since when its handshakes are counted. */
  readonly countedSince: EpochMs
}

/**
 * What a check found, by certificate, as it is kept. A server that is away keeps its certificates, with why it is away; one that answers
 * loses those that it did not show. Pure.
 */
export function probeResults(
  check: ServerCheck,
  { before, countedSince }: KnownServer,
): readonly ProbeResult[] {
  const shown = Map.groupBy(completed(check), ({ certificate }) => certificate.id)
  const [failure] = failed(check)
  const found = [
    ...[...shown.values()].flatMap(ofCertificate),
    ...(failure === undefined ? [] : ofFailure(failure, shown.size === 0 ? before : [])),
  ]
  const checkedAt = epochMs(Date.parse(check.at))
  return found.map((one) => {
    const former = before.find(({ certificate }) => certificate?.id === one.certificate?.id)
    const { since } = former?.outcome === one.outcome ? former : { since: checkedAt }
    const handshakes = (former?.handshakes ?? 0) + one.handshakes
    const stapled = (former?.stapled ?? 0) + one.stapled
    return { target: check.target, ...one, since, checkedAt, handshakes, stapled, countedSince }
  })
}

type Found = Pick<ProbeResult, 'certificate' | 'outcome' | 'problem' | 'handshakes' | 'stapled'>

/** TLS 1.2 and 1.3 may differ: the worse one is told. */
function ofCertificate(checks: readonly StapleCheck[]): Found[] {
  const worst = checks.find(({ outcome }) => isMissing(outcome)) ?? checks[0]
  if (worst === undefined) return []
  const { certificate, outcome } = worst
  return [
    {
      certificate: { id: certificate.id, name: certificate.name },
      outcome,
      problem: problemOf(worst),
      handshakes: checks.length,
      stapled: checks.filter((one) => one.outcome === 'stapled').length,
    },
  ]
}

function problemOf({ outcome, clients }: StapleCheck): string | undefined {
  const { hardFail, softFail, mustStapleBrowser } = clients
  if (isMissing(outcome)) return hardFail.why
  return [softFail, mustStapleBrowser].find(({ connects }) => !connects)?.why
}

function ofFailure({ reason, problem }: FailedCheck, before: readonly ProbeResult[]): Found[] {
  const found = { outcome: reason, problem, handshakes: 0, stapled: 0 }
  const known = before.flatMap(({ certificate }) => certificate ?? [])
  if (known.length === 0) return [{ certificate: undefined, ...found }]
  return known.map((certificate) => ({ certificate, ...found }))
}
