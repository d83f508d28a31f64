import { durationMs, type EpochMs } from '../der/time.ts'
import type { Finding } from '../ocsp/verdict.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'
import type { Attempt } from '../responders/fetch-staple.ts'
import { originOf } from '../responders/request-url.ts'
import type { Certificate } from '../x509/certificate.ts'

/** An attempt as it is kept: what patterns are read from. */
export function logged(
  attempt: Attempt,
  about: {
    readonly id: string
    readonly certificate: Certificate
    /** The thisUpdate of the staple in hand. */
    readonly held: EpochMs | undefined
    /** About the good staple, where there is one. */
    readonly findings: readonly Finding[]
  },
): LoggedAttempt {
  const { url, at, elapsed, method, connection, remoteAddress, statusCode } = attempt
  const { thisUpdate, nextUpdate } = attempt
  const isNewer = about.held === undefined || (thisUpdate ?? 0) > about.held
  const outcome = attempt.outcome === 'staple' ? (isNewer ? 'newer' : 'unchanged') : attempt.outcome
  const problem = attempt.outcome === 'staple' ? noticed(about.findings) : attempt.problem
  return {
    responder: originOf(url),
    certificate: about.id,
    certificateAge: durationMs(at - about.certificate.notBefore),
    ...{ at, elapsed, method, connection, remoteAddress, statusCode, outcome, problem },
    ...{ thisUpdate, nextUpdate },
  }
}

function noticed(findings: readonly Finding[]): string | undefined {
  const finding =
    findings.find(({ level }) => level === 'repair') ??
    findings.find(({ level }) => level === 'warn')
  return finding && `${finding.rule}: saw ${finding.saw}`
}
