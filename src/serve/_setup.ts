import { type EpochMs, HOUR_MS, plus } from '../der/time.ts'
import { type Hierarchy, makeHierarchy } from '../lab/hierarchy.ts'
import { buildResponse } from '../lab/response-builder.ts'
import { certID, certIDKey, encodeRequest } from '../ocsp/request.ts'
import type { Staple } from '../ocsp/verdict.ts'
import { systemClock } from '../time/clock.ts'
import type { StapleSource } from './ocsp-endpoint.ts'

/** Whole seconds, as in responses. */
export const now: EpochMs = plus(systemClock.now(), -(systemClock.now() % 1000))

export const pki: Hierarchy = makeHierarchy({ now, caKey: 'prime256v1' })
const ids = { certificate: pki.leaf.certificate, issuer: pki.issuer.certificate }
const thisUpdate = plus(now, -HOUR_MS)
const nextUpdate = plus(now, 10 * HOUR_MS)
const der = buildResponse({
  responses: [{ certID: ids, thisUpdate, nextUpdate }],
  signer: pki.issuer,
})

/** A staple for `pki.leaf`, usable for nine hours. */
export const staple: Staple = {
  der,
  received: der,
  status: 'good',
  producedAt: thisUpdate,
  thisUpdate,
  nextUpdate,
  usableUntil: plus(now, 9 * HOUR_MS),
}

export const key: string = certIDKey(certID(ids.certificate, ids.issuer))
export const request: Buffer = Buffer.from(encodeRequest(certID(ids.certificate, ids.issuer)))
export const base64: string = request.toString('base64')

/** Manages `pki.leaf` only. */
export const staples: StapleSource = {
  byCertIDKey: (asked) => Promise.resolve(asked === key ? staple : undefined),
}

export const unauthorized: Buffer = Buffer.from('30030a0106', 'hex')
export const malformedRequest: Buffer = Buffer.from('30030a0101', 'hex')
