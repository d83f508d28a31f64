import { createHash } from 'node:crypto'
import { displayName } from '../certificates/classify.ts'
import { type EpochMs, iso } from '../der/time.ts'
import { type Explanation, explain } from '../ocsp/explain.ts'
import type { Policy } from '../ocsp/policy.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { isMustStaple } from '../x509/extensions.ts'
import { findIssuer } from '../x509/issuer.ts'
import { type Conducts, conductsOf } from './conduct.ts'
import type { ConnectionFailure } from './connection-failure.ts'
import type { ObservedHandshake } from './expect-staple-report.ts'
import { type CompletedHandshake, type Handshake, shakeHands } from './handshake.ts'
import { compareWithHeld, type HeldComparison } from './held-staple.ts'
import { type Offer, offers } from './offer.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { sharedLookup } from './shared-lookup.ts'
import type { Target } from './target.ts'

/** All handshakes with one server: the heart of what `everstaple check --json` prints. Times are ISO 8601. */
export interface ServerCheck {
  readonly target: string
  /** What was asked for by SNI. */
  readonly servername: string | null
  readonly at: string
  readonly handshakes: readonly CheckedHandshake[]
}

/** One handshake. */
export type CheckedHandshake = StapleCheck | FailedCheck

/** A handshake that did not come about. */
export type FailedCheck = Offer & ConnectionFailure & { readonly kind: 'failed' }

/** A handshake that came about, judged. */
export interface StapleCheck extends Offer {
  readonly kind: 'completed'
  readonly outcome: Outcome
  readonly certificate: CheckedCertificate
  /** As `everstaple explain --json`; `null` where none was sent. */
  readonly staple: (Explanation & { readonly sha256: string }) | null
  readonly clients: Conducts
  /** `null` unless a store was given. */
  readonly held: HeldComparison | null
}

/** The certificate that a server answered with. */
export interface CheckedCertificate {
  readonly name: string
  /** SHA-256 of its DER, lower-case hex. */
  readonly id: string
  readonly notAfter: string
  readonly mustStaple: boolean
  /** Why chain or name are not trusted, by a code of node:tls; `null` where they are. */
  readonly distrust: string | null
}

/** What a check needs. */
export interface ServerCheckOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly policy: Policy
  /** The roots that clients trust, and PEM of them; then a chain that is not trusted counts as refused. Default: it is only told. */
  readonly roots?:
    | { readonly pem: string; readonly certificates: readonly Certificate[] }
    | undefined
  /** Where everstaple keeps its staples. Default: nothing is compared. */
  readonly store?: Pick<Store, 'entry'> | undefined
  /** Ends it before its time: what has not come about by then failed. */
  readonly signal?: AbortSignal | undefined
  /** Told of each handshake that came about, with the bytes that were sent. */
  readonly observed?: ((handshake: ObservedHandshake) => void) | undefined
}

/** Shakes hands once for each of {@link offers}, at the same time, and judges what was sent. Rejects with a `StoreError` only. */
export async function checkServer(
  target: Target,
  options: ServerCheckOptions,
): Promise<ServerCheck> {
  const { roots, signal } = options
  const conditions = { roots: roots?.pem, signal, lookup: sharedLookup() }
  const shaken = offers.map((offer) => shakeHands(target, offer, conditions))
  const handshakes = await Promise.all(shaken)
  const now = options.clock.now()
  return {
    target: target.label,
    servername: target.servername ?? null,
    at: iso(now),
    handshakes: await Promise.all(
      handshakes.map((one) => judged(one, { ...options, target, now })),
    ),
  }
}

async function judged(
  handshake: Handshake,
  options: ServerCheckOptions & { readonly target: Target; readonly now: EpochMs },
): Promise<CheckedHandshake> {
  if (handshake.kind === 'failed') {
    return { kind: 'failed', ...handshake.offer, ...handshake.failure }
  }
  const { offer, certificate, staple, distrust } = handshake
  const { store, roots, policy, target, now } = options
  const explanation =
    staple &&
    explain({
      response: staple,
      certificate,
      issuer: await issuerOf(handshake, options),
      now,
      policy,
      servedChain: handshake.chain,
    })
  const outcome = outcomeOf(certificate, explanation)
  options.observed?.({ target, handshake, outcome, at: now })
  const sha256 = createHash('sha256')
    .update(staple ?? '')
    .digest('hex')
  const clients = conductsOf({
    ...{ certificate, outcome, explanation },
    distrust: roots && distrust,
  })
  const sent = { id: certificate.fingerprint, staple }
  return {
    kind: 'completed',
    ...offer,
    outcome,
    certificate: checkedCertificate(handshake),
    staple: explanation === undefined ? null : { ...explanation, sha256 },
    clients,
    held: store === undefined ? null : await compareWithHeld(store, sent, now),
  }
}

/** From what was sent, then from what the user gave, then from what is kept. */
async function issuerOf(
  { certificate, chain }: CompletedHandshake,
  { roots, store }: ServerCheckOptions,
): Promise<Certificate | undefined> {
  const known = findIssuer(certificate, [...chain.slice(1), ...(roots?.certificates ?? [])])
  if (known !== undefined || store === undefined) return known
  const der = (await store.entry({ id: certificate.fingerprint }))?.certificate.issuer
  const kept = der && parseCertificate(der)
  return kept === undefined || 'kind' in kept ? undefined : kept
}

function checkedCertificate({ certificate, distrust }: CompletedHandshake): CheckedCertificate {
  return {
    name: displayName(certificate),
    id: certificate.fingerprint,
    notAfter: iso(certificate.notAfter),
    mustStaple: isMustStaple(certificate.extensions),
    distrust: distrust ?? null,
  }
}
