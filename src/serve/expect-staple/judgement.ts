import { durationMs, type EpochMs, iso, MINUTE_MS } from '../../der/time.ts'
import { type Explanation, explain } from '../../ocsp/explain.ts'
import type { Policy } from '../../ocsp/policy.ts'
import type { Finding } from '../../ocsp/verdict.ts'
import { servedStaple } from '../../store/served-staple.ts'
import type { CertificateRecord, Entry } from '../../store/store.ts'
import { formatDuration } from '../../time/duration.ts'
import { parseIssued } from '../../x509/issued-certificate.ts'
import type { ExpectStapleReport } from './report.ts'

/** What we make of a report. */
export interface Judgement {
  /**
   * For a certificate that is managed: the rule that the staple breaks, or `none-sent`,
   * `acceptable`, `issuer-missing`. Else, and where the report lacks the staple, the client's own
   * words: `INVALID_DATE`, `PROVIDED REVOKED`.
   */
  readonly reason: string
  /** In words for people; may hold what strangers sent. */
  readonly detail: string
}

/** Against what a report is judged. */
export interface JudgementContext {
  /** What we keep of the certificate that the server sent; `undefined` where it is not managed. */
  readonly entry: Entry | undefined
  readonly policy: Policy
  /** By our clock: that of a stranger decides nothing. */
  readonly now: EpochMs
}

/**
 * Judges a report by what we know ourselves: our copy of the certificate and its issuer, our clock.
 * Pure.
 */
export function judgeReport(report: ExpectStapleReport, context: JudgementContext): Judgement {
  const { entry, now } = context
  const claim = [report.responseStatus, report.certStatus].filter((word) => word !== undefined)
  const claimed = claim.join(' ')
  if (entry === undefined) return { reason: claimed, detail: NOT_MANAGED }
  if (report.response !== undefined) {
    return judgeResponse(report.response, entry.certificate, report, context)
  }
  if (report.responseStatus !== 'MISSING') return { reason: claimed, detail: LEFT_OUT }
  const detail = `the server sent no staple; ${held(entry, now)}`
  return { reason: 'none-sent', detail: detail.slice(0, MAX_DETAIL) }
}

function judgeResponse(
  response: Uint8Array,
  record: CertificateRecord,
  report: ExpectStapleReport,
  { policy, now }: JudgementContext,
): Judgement {
  const most = policy.maxSizeBytes
  if (response.length > most) {
    // Not read: a stranger could send anything, and our servers are given nothing of this size.
    const detail = `saw ${response.length} bytes; required: at most ${most} bytes`
    return { reason: 'response-too-large', detail }
  }
  const issued = parseIssued(record)
  if (issued === undefined) {
    return { reason: 'issuer-missing', detail: 'its issuer is not known, so nothing was verified' }
  }
  const subject = { response, ...issued, now, policy, servedChain: undefined }
  const explanation = explain(subject)
  const broken = firstBroken(explanation)
  if (broken === undefined)
    return { reason: 'acceptable', detail: acceptable(explanation, report, now) }
  const { rule, saw, required } = broken
  return { reason: rule, detail: `saw ${saw}; required: ${required}`.slice(0, MAX_DETAIL) }
}

/** What keeps some client from taking the bytes as they were sent. */
function firstBroken({ accepted, findings }: Explanation): Finding | undefined {
  if (accepted) return undefined
  const refused = findings.find(({ level }) => level === 'reject')
  return refused ?? findings.find(({ rejectedBy }) => rejectedBy.length > 0) ?? findings[0]
}

/** Where it is good here and was not there, most often a clock is to blame. */
function acceptable(
  { status }: Explanation,
  { at, responseStatus }: ExpectStapleReport,
  now: EpochMs,
): string {
  const said = `the staple says ${status} and is acceptable; the client says ${responseStatus}`
  const offset = at - now
  if (Math.abs(offset) < CLOCKS_AGREE) return `${said}; its clock agrees with ours`
  return `${said}: by its clock it is ${iso(at)}, ${describeOffset(offset)}`
}

function describeOffset(offset: number): string {
  const by = formatDuration(durationMs(Math.abs(offset)))
  return `${by} ${offset > 0 ? 'ahead of' : 'behind'} ours`
}

function held(entry: Entry, now: EpochMs): string {
  const staple = servedStaple(entry, now)
  if (staple !== undefined && staple.usableUntil > now) {
    const until = iso(staple.usableUntil)
    return `there is one, usable until ${until}: look at how it gets to the server`
  }
  const { classification } = entry.certificate
  if (classification !== 'ocsp') return `there is none, as the certificate is ${classification}`
  return `there is none: ${entry.schedule?.lastError ?? 'its CA was not asked yet'}`
}

const NOT_MANAGED = 'the certificate is not managed, so this is what the client says'
const LEFT_OUT = 'the report does not hold the staple, so this is what the client says'
/** Less than this is the way that the report took. */
const CLOCKS_AGREE = 5 * MINUTE_MS
/** Responses, and what CAs answer, may hold names of any length. */
const MAX_DETAIL = 300
