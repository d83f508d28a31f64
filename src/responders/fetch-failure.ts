import type { DurationMs } from '../der/time.ts'
import { isOnlyRevoked } from '../ocsp/revocation.ts'
import type { Finding, Remedy } from '../ocsp/verdict.ts'
import { formatDuration } from '../time/duration.ts'
import type { HttpResult } from './transport.ts'

/** Why there is no staple. */
export type FetchFailure =
  | {
      readonly kind: 'unreachable'
      readonly cause: Extract<HttpResult, { kind: 'unreachable' }>['cause']
      readonly problem: string
    }
  | {
      readonly kind: 'http'
      readonly statusCode: number
      readonly retryAfter: DurationMs | undefined
    }
  /** An OCSP response that is an error, unsigned as these are: `tryLater`, `unauthorized`, … */
  | {
      readonly kind: 'responder'
      /** OCSPResponseStatus as `responseStatusName` says it. */
      readonly status: string
      readonly remedy: Remedy
      readonly retryAfter: DurationMs | undefined
    }
  /** A body that `judge` refused; a revoked certificate is the finding `status-revoked`. */
  | {
      readonly kind: 'rejected'
      readonly findings: readonly [Finding, ...Finding[]]
      /** The body as received. */
      readonly received: Uint8Array
      /** Whether it could be read as an OCSP response at all. */
      readonly body: 'ocsp' | 'unreadable'
    }

/** A failure in one line for people. */
export function describeFailure(failure: FetchFailure): string {
  switch (failure.kind) {
    case 'unreachable':
      return failure.problem
    case 'http':
      return `HTTP status ${failure.statusCode}${retryHint(failure.retryAfter)}`
    case 'responder':
      return `the responder says ${failure.status}${retryHint(failure.retryAfter)}`
    case 'rejected': {
      const leading = leadingFinding(failure.findings)
      const others = failure.findings.filter(({ level }) => level === 'reject').length - 1
      const more = others > 0 ? `, and ${others} more` : ''
      return `${leading.rule}: saw ${leading.saw}, required ${leading.required}${more}`
    }
  }
}

/** A failure in one word, to count by: `http-404`, `timeout`, `tryLater`, the name of the rule that refused. */
export function failureName(failure: FetchFailure): string {
  switch (failure.kind) {
    case 'unreachable':
      return failure.cause
    case 'http':
      return `http-${failure.statusCode}`
    case 'responder':
      return failure.status
    case 'rejected':
      return leadingFinding(failure.findings).rule
  }
}

/**
 * What a failure says about the responder, whatever it was asked about. `away`: no answer, or a server error. `busy`: it answers that it cannot now
 * (tryLater, Too Many Requests), which it may say about some certificates only. `well`: it answers.
 */
export function responderState(failure: FetchFailure): 'away' | 'busy' | 'well' {
  switch (failure.kind) {
    case 'unreachable':
      return failure.cause === 'refused' || failure.cause === 'aborted' ? 'well' : 'away'
    case 'http':
      if (failure.statusCode === 429) return 'busy'
      return failure.statusCode >= 500 ? 'away' : 'well'
    case 'responder':
      if (failure.status === 'tryLater') return 'busy'
      return failure.status === 'internalError' ? 'away' : 'well'
    case 'rejected':
      // A page of a proxy, or half a body: whatever answered, it was not the responder.
      return failure.body === 'unreadable' ? 'away' : 'well'
  }
}

/** What the fetcher should do about a failure. */
export function remedyOf(failure: FetchFailure): Remedy {
  switch (failure.kind) {
    case 'unreachable':
      return connectionRemedies[failure.cause]
    case 'http':
      return isAskedToWait(failure) ? 'back-off' : 'other-method'
    case 'responder':
      return isAskedToWait(failure) ? 'back-off' : failure.remedy
    case 'rejected':
      return leadingFinding(failure.findings).remedy
  }
}

/** Whether it is to be asked later: Too Many Requests, and whoever says when to come back, mean it. */
export function isAskedToWait(failure: FetchFailure): boolean {
  if (failure.kind !== 'http' && failure.kind !== 'responder') return false
  return failure.retryAfter !== undefined || (failure.kind === 'http' && failure.statusCode === 429)
}

/** Of two failures the one that tells an operator more; of two alike the earlier. */
export function moreTelling(earlier: FetchFailure | undefined, later: FetchFailure): FetchFailure {
  return earlier !== undefined && rank(earlier) >= rank(later) ? earlier : later
}

/** Whether a response that is right in every other way says that the certificate is revoked. */
export function isRevocation(failure: FetchFailure): boolean {
  return failure.kind === 'rejected' && isOnlyRevoked(failure.findings)
}

/** Whether the CA may only not have heard of the certificate yet (CA #5): to be believed of certificates that are new. */
export function isNotKnownYet(failure: FetchFailure): boolean {
  if (failure.kind === 'responder') return failure.status === 'unauthorized'
  return failure.kind === 'rejected' && NOT_KNOWN.has(leadingFinding(failure.findings).rule)
}

function rank(failure: FetchFailure): number {
  switch (failure.kind) {
    case 'unreachable':
      return 0
    case 'http':
      return 1
    case 'responder':
      return 2
    case 'rejected':
      if (failure.body === 'unreadable') return 1
      return isRevocation(failure) ? 4 : 3
  }
}

/** The finding that the rejection is about: the first that rejects. */
function leadingFinding(findings: readonly [Finding, ...Finding[]]): Finding {
  return findings.find(({ level }) => level === 'reject') ?? findings[0]
}

function retryHint(retryAfter: DurationMs | undefined): string {
  return retryAfter === undefined ? '' : `, to be asked again in ${formatDuration(retryAfter)}`
}

const NOT_KNOWN: ReadonlySet<string> = new Set(['status-unknown', 'status-not-issued'])

const connectionRemedies = {
  refused: 'fatal',
  dns: 'back-off',
  connect: 'back-off',
  // Another ten seconds of waiting belong to the next round, not to this one.
  timeout: 'back-off',
  'too-large': 'other-connection',
  // Some CAs send whoever asks by GET to a page for people.
  redirect: 'other-method',
  protocol: 'other-connection',
  aborted: 'back-off',
} as const satisfies Record<Extract<FetchFailure, { kind: 'unreachable' }>['cause'], Remedy>
