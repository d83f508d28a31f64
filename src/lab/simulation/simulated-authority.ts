import { createHash } from 'node:crypto'
import { DAY_MS, durationMs, type EpochMs, epochMs, plus } from '../../der/time.ts'
import { safetyMargin } from '../../ocsp/usable-until.ts'
import { type LabCertificate, makeCertificate } from '../ca.ts'
import { SERVER_AUTH } from '../hierarchy.ts'
import { makeKeyRing } from '../keys.ts'
import { buildResponse, type ResponseKnobs } from '../response-builder.ts'
import { signatureAlgorithm } from '../signing.ts'
import type { AuthorityPlan } from './authority-plan.ts'
import type { CertificatePlan } from './certificate-plan.ts'

/** A response as the CA has made it beforehand. */
export interface Publication {
  readonly status: 'good' | 'revoked'
  readonly thisUpdate: EpochMs
  readonly nextUpdate: EpochMs
  /** Since when the responder gives it. */
  readonly availableAt: EpochMs
  /** When it is no longer to be handed out: counted here anew, not by the code under test. */
  readonly usableUntil: EpochMs
}

/** A certificate of the world, issued. */
export interface SimulatedCertificate {
  readonly plan: CertificatePlan
  readonly leaf: LabCertificate
  readonly authority: SimulatedAuthority
}

/** A CA that makes its responses beforehand, each once for a certificate and period. */
export class SimulatedAuthority {
  readonly plan: AuthorityPlan
  readonly issuer: LabCertificate
  readonly #bodies = new Map<string, Uint8Array>()

  constructor(plan: AuthorityPlan) {
    this.plan = plan
    this.issuer = issuerOf(plan)
  }

  issue(plan: CertificatePlan): SimulatedCertificate {
    const { notBefore, notAfter, name, mustStaple } = plan
    const leaf = makeCertificate({
      ...{ subject: name, notBefore, notAfter, issuer: this.issuer },
      key: keys('leaf', 'prime256v1'),
      serialNumber: serialNumber(name),
      isCa: false,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [SERVER_AUTH],
      dnsNames: [name],
      ocspUrls: [`${this.plan.origin}/`],
      tlsFeatures: mustStaple ? [STATUS_REQUEST] : undefined,
    })
    return { plan, leaf, authority: this }
  }

  /** What the responder has at a moment; `undefined` before it knows the certificate. */
  publication({ plan }: SimulatedCertificate, at: EpochMs, back = 0): Publication | undefined {
    if (at < plan.knownAt) return undefined
    const { phase, renewal, lag, validity } = this.plan
    const period = Math.floor((at - lag - phase) / renewal) - back
    const begins = phase + period * renewal
    // The first one of a new certificate is made as soon as it is known.
    const thisUpdate = epochMs(Math.max(begins, plan.knownAt))
    if (back > 0 && begins + renewal <= plan.knownAt) return undefined
    const nextUpdate = plus(thisUpdate, validity)
    const { revokedAt = Number.POSITIVE_INFINITY } = plan
    return {
      ...{ thisUpdate, nextUpdate },
      status: thisUpdate >= revokedAt ? 'revoked' : 'good',
      availableAt: epochMs(Math.max(begins + lag, plan.knownAt)),
      usableUntil: usableUntil(thisUpdate, nextUpdate, plan),
    }
  }

  /** The bytes of a publication, or of what a fault makes of it. */
  body(certificate: SimulatedCertificate, publication: Publication, lie?: Lie): Uint8Array {
    const key = `${certificate.plan.index} ${publication.thisUpdate} ${lie ?? ''}`
    const known = this.#bodies.get(key)
    if (known !== undefined) return known
    const body = buildResponse(lies[lie ?? 'none'](this.#knobs(certificate, publication)))
    this.#bodies.set(key, body)
    return body
  }

  /** Whether these are the bytes that the CA has published, saying good, for that thisUpdate. */
  hasSaidGood(
    certificate: SimulatedCertificate,
    said: { readonly der: Uint8Array; readonly thisUpdate: EpochMs },
  ): boolean {
    const { revokedAt = Number.POSITIVE_INFINITY } = certificate.plan
    const body = this.#bodies.get(`${certificate.plan.index} ${said.thisUpdate} `)
    if (body === undefined || said.thisUpdate >= revokedAt) return false
    return Buffer.compare(body, said.der) === 0
  }

  /** A signed answer of now about a certificate that is not known yet. */
  unknown(certificate: SimulatedCertificate, at: EpochMs): Uint8Array {
    const thisUpdate = epochMs(Math.floor(at / DAY_MS) * DAY_MS)
    const nextUpdate = plus(thisUpdate, 2 * DAY_MS)
    const publication = { thisUpdate, nextUpdate, availableAt: at, usableUntil: at }
    return this.body(certificate, { ...publication, status: 'good' }, 'unknown')
  }

  #knobs({ leaf, plan }: SimulatedCertificate, publication: Publication): ResponseKnobs {
    const { status, thisUpdate, nextUpdate } = publication
    const certID = { certificate: leaf.certificate, issuer: this.issuer.certificate }
    const revokedAt = plan.revokedAt ?? thisUpdate
    const certStatus = status === 'good' ? status : { revokedAt }
    return { signer: this.issuer, responses: [{ certID, certStatus, thisUpdate, nextUpdate }] }
  }
}

type Lie = 'none' | 'wrong-algorithm' | 'unknown'

const lies: Record<Lie, (honest: ResponseKnobs) => ResponseKnobs> = {
  none: (honest) => honest,
  'wrong-algorithm': (honest) => ({
    ...honest,
    signWith: 'ecdsa-sha1',
    signatureAlgorithm: signatureAlgorithm('ecdsa-sha256'),
  }),
  unknown: (honest) => ({
    ...honest,
    responses: honest.responses.map((single) => ({ ...single, certStatus: 'unknown' })),
  }),
}

function usableUntil(
  thisUpdate: EpochMs,
  nextUpdate: EpochMs,
  { notAfter }: CertificatePlan,
): EpochMs {
  const end = Math.min(nextUpdate, thisUpdate + 7 * DAY_MS, notAfter)
  return epochMs(end - safetyMargin(durationMs(end - thisUpdate)))
}

/** Made once for all worlds: keys take time, and which they are makes no difference. */
function issuerOf({ name }: AuthorityPlan): LabCertificate {
  const known = issuers.get(name)
  if (known !== undefined) return known
  const issuer = makeCertificate({
    subject: `simulated ${name}`,
    key: keys(name, 'prime256v1'),
    notBefore: epochMs(1_700_000_000_000),
    notAfter: epochMs(2_000_000_000_000),
    isCa: true,
    keyUsage: ['keyCertSign', 'digitalSignature'],
  })
  issuers.set(name, issuer)
  return issuer
}

function serialNumber(name: string): Uint8Array {
  const octets = createHash('sha256').update(name).digest().subarray(0, 12)
  octets[0] = 0x40
  return octets
}

const issuers = new Map<string, LabCertificate>()
const keys = makeKeyRing()
/** The TLS feature of RFC 7633 that makes a certificate must-staple. */
const STATUS_REQUEST = 5
