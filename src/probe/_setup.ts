import { DAY_MS, type EpochMs, epochMs, HOUR_MS, plus } from '../der/time.ts'
import { type Hierarchy, makeHierarchy } from '../lab/hierarchy.ts'
import {
  buildResponse,
  type ResponseKnobs,
  type SingleResponseKnobs,
} from '../lab/response-builder.ts'
import type { ServerCheck, StapleCheck } from './server-check.ts'

/** The moment at which staples are judged. */
export const now: EpochMs = epochMs(1_795_478_400_000)

/** Who issued the certificates. */
export const pki: Hierarchy = makeHierarchy({ now, caKey: 'prime256v1' })

/** A response about the leaf of {@link pki}, good from an hour ago for a day, unless knobs say otherwise. */
export function staple(
  single: Partial<SingleResponseKnobs> = {},
  knobs: Partial<ResponseKnobs> = {},
): Uint8Array {
  const certID = { certificate: pki.leaf.certificate, issuer: pki.issuer.certificate }
  const times = { thisUpdate: plus(now, -HOUR_MS), nextUpdate: plus(now, DAY_MS) }
  return buildResponse({
    signer: pki.issuer,
    responses: [{ certID, ...times, ...single }],
    ...knobs,
  })
}

/** A handshake that went well. */
export const stapled: StapleCheck = {
  kind: 'completed',
  tls: '1.3',
  key: 'ecdsa',
  outcome: 'stapled',
  certificate: {
    name: 'www.test',
    id: 'ab'.repeat(32),
    notAfter: '2026-12-24T00:00:00Z',
    mustStaple: true,
    distrust: null,
  },
  staple: null,
  clients: {
    hardFail: { connects: true, why: 'good' },
    softFail: { connects: true, why: 'good' },
    mustStapleBrowser: { connects: true, why: 'good' },
  },
  held: null,
}

/** A check with these handshakes. */
export function checkOf(...handshakes: ServerCheck['handshakes']): ServerCheck {
  return { target: 'www.test:443', servername: 'www.test', at: '2026-11-24T00:00:00Z', handshakes }
}
