import { type EpochMs, iso } from '../der/time.ts'
import { formatName } from '../x509/name.ts'
import { type ClientName, clientNames } from './clients.ts'
import type { Facts, Subject } from './facts.ts'
import { type Examination, examine, isAcceptedBy } from './judge.ts'
import type { CertStatus, Finding } from './verdict.ts'

/** An examination for people and scripts: the object that `everstaple explain --json` prints. Times are ISO 8601. */
export interface Explanation {
  /** Whether every required client takes the bytes as given; false too where something could not be judged. */
  readonly accepted: boolean
  readonly status: CertStatus | null
  /** Of the certificate that the response is about, as its CertID has it, lower-case hex. */
  readonly serialNumber: string | null
  readonly thisUpdate: string | null
  readonly nextUpdate: string | null
  readonly producedAt: string | null
  readonly usableUntil: string | null
  readonly signer: SignerExplanation | null
  readonly findings: readonly Finding[]
  /** Who takes the bytes as given. */
  readonly clients: { readonly [client in ClientName]: boolean }
  /** The repaired form: whether it is accepted, and how many bytes it saves in every handshake. */
  readonly canonical: { readonly accepted: boolean; readonly bytesSaved: number }
  /** What could not be judged, and what to give so that it can. */
  readonly notJudged: readonly string[]
  readonly sizeBytes: number
}

/** Who signed. */
export interface SignerExplanation {
  readonly kind: 'issuer' | 'delegate'
  readonly name: string
  readonly notAfter: string
  /** SHA-256 of the signer's certificate, lower-case hex. */
  readonly fingerprint: string
  /** As the response names it: `sha256WithRSAEncryption`. */
  readonly algorithm: string
}

/** Examines a response and puts what was found into plain values. Pure; throws for nothing that a response can contain. */
export function explain(subject: Subject): Explanation {
  const examination = examine(subject)
  const { facts, findings, accepted, canonical, staple } = examination
  const notJudged = unjudged(facts)
  const complete = notJudged.length === 0
  return {
    accepted: accepted && complete,
    status: facts.single?.certStatus.status ?? null,
    serialNumber: serialOf(facts),
    thisUpdate: isoOrNull(facts.single?.thisUpdate),
    nextUpdate: isoOrNull(facts.single?.nextUpdate),
    producedAt: isoOrNull(facts.basic?.producedAt),
    usableUntil: isoOrNull(staple?.usableUntil),
    signer: signerOf(examination),
    findings,
    clients: Object.fromEntries(
      clientNames.map((client) => [client, isAcceptedBy(client, findings)]),
    ) as Explanation['clients'],
    canonical: {
      accepted: (canonical?.accepted ?? false) && complete,
      bytesSaved: canonical === undefined ? 0 : facts.body.length - canonical.der.length,
    },
    notJudged,
    sizeBytes: facts.body.length,
  }
}

function unjudged({ basic, certificate, issuer, signing }: Facts): string[] {
  if (basic === undefined) return []
  const missing: string[] = []
  if (certificate === undefined) {
    missing.push('whether it is about your certificate: give it with --certificate')
  }
  if (issuer === undefined) {
    const seen =
      signing?.signer === undefined
        ? ''
        : ` (an embedded certificate, "${formatName(signing.signer.certificate.subject)}", did sign it)`
    missing.push(`whether the issuer stands behind the signature${seen}: give it with --issuer`)
  }
  return missing
}

function signerOf({ facts: { signing } }: Examination): SignerExplanation | null {
  if (signing?.signer === undefined || signing.scheme === undefined) return null
  const { kind, certificate } = signing.signer
  return {
    kind,
    name: formatName(certificate.subject),
    notAfter: iso(certificate.notAfter),
    fingerprint: certificate.fingerprint,
    algorithm: signing.scheme.name,
  }
}

function serialOf({ response, single }: Facts): string | null {
  if (response === undefined || single === undefined) return null
  const { start, end } = single.serialNumber
  return Buffer.from(response.bytes.subarray(start, end)).toString('hex')
}

function isoOrNull(at: EpochMs | undefined): string | null {
  return at === undefined ? null : iso(at)
}
