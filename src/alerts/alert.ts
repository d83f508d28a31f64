import { type EpochMs, iso } from '../der/time.ts'
import type { CertificateRecord } from '../store/store.ts'

/** What operators are told of, in the form of the Standard Webhooks specification. */
export type AlertType =
  | 'staple.stored'
  | 'staple.withdrawn'
  | 'certificate.failing'
  | 'certificate.recovered'
  | 'certificate.revoked'

/** One thing that operators are told. */
export interface Alert {
  readonly type: AlertType
  readonly at: EpochMs
  readonly certificate: AlertCertificate
  /** In words for people; may quote what a responder said. */
  readonly reason: string
  /** Until when the staple in hand is handed out; `undefined` where there is none. */
  readonly usableUntil: EpochMs | undefined
}

/** What is told of a certificate. Alerts wait in memory, so its bytes are not among it. */
export type AlertCertificate = Pick<CertificateRecord, 'id' | 'name' | 'mustStaple' | 'sources'>

/** The facts of a certificate that are told. */
export function alertCertificate(certificate: AlertCertificate): AlertCertificate {
  const { id, name, mustStaple, sources } = certificate
  return { id, name, mustStaple, sources: sources.slice(0, MOST_SOURCES) }
}

/** The alert as JSON: the body of a webhook, the standard input of a command. */
export function alertJson({ type, at, certificate, reason, usableUntil }: Alert): string {
  const { id, name, mustStaple, sources } = certificate
  return JSON.stringify({
    type,
    timestamp: iso(at),
    data: {
      name,
      fingerprint: id,
      mustStaple,
      sources,
      reason,
      usableUntil: usableUntil === undefined ? null : iso(usableUntil),
    },
  })
}

/** The alert as environment variables of a command. */
export function alertEnvironment(alert: Alert): Readonly<Record<string, string>> {
  const { type, at, certificate, reason, usableUntil } = alert
  return {
    EVERSTAPLE_EVENT: type,
    EVERSTAPLE_TIME: iso(at),
    EVERSTAPLE_NAME: plain(certificate.name),
    EVERSTAPLE_FINGERPRINT: certificate.id,
    EVERSTAPLE_MUST_STAPLE: certificate.mustStaple ? 'yes' : 'no',
    EVERSTAPLE_REASON: plain(reason),
    EVERSTAPLE_USABLE_UNTIL: usableUntil === undefined ? '' : iso(usableUntil),
  }
}

/** Names come from certificates and reasons from responders: a NUL cannot be given to a command, nor can a megabyte. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}]+/gu, ' ').slice(0, MOST_CHARACTERS)
}

const MOST_CHARACTERS = 1_000
/** A certificate may lie in any number of files. */
const MOST_SOURCES = 10
