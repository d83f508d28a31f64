import type { EpochMs } from '../der/time.ts'
import { judge } from '../ocsp/judge.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { Handshake } from './handshake.ts'

/** What a strict client makes of a handshake. */
export type JudgedHandshake =
  | { readonly kind: 'stapled'; readonly usableUntil: EpochMs }
  /** Connected, without a staple that every client accepts; `problem` is for people. */
  | { readonly kind: 'missed'; readonly problem: string }

/** Judges what came stapled as every client does that requires a staple. */
export function judgeHandshake(
  handshake: Handshake,
  {
    certificate,
    issuer,
    now,
  }: { readonly certificate: Certificate; readonly issuer: Certificate; readonly now: EpochMs },
): JudgedHandshake {
  if (handshake.kind === 'failed') return missed(`no connection: ${handshake.problem}`)
  if (handshake.kind === 'unstapled') return missed('no staple')
  const verdict = judge({ response: handshake.response, certificate, issuer, now })
  if (!verdict.accepted) {
    const [{ rule, saw, required }] = verdict.findings
    return missed(`a staple that clients refuse (${rule}): ${saw}, required ${required}`)
  }
  const { status, usableUntil } = verdict.staple
  if (status !== 'good') return missed(`a staple that says ${status}`)
  return { kind: 'stapled', usableUntil }
}

function missed(problem: string): JudgedHandshake {
  return { kind: 'missed', problem }
}
