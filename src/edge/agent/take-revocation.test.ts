import { describe, expect, it } from 'vitest'
import { DAY_MS, type EpochMs, epochMs, HOUR_MS, plus } from '../../der/time.ts'
import { makeHierarchy } from '../../lab/hierarchy.ts'
import { buildResponse, type CertStatusKnob } from '../../lab/response-builder.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import * as records from '../../store/_records.ts'
import type { Entry, Schedule } from '../../store/store.ts'
import { takeRevocation } from './take-revocation.ts'

const now = epochMs(1_790_000_000_000)
const pki = makeHierarchy({ now, caKey: 'prime256v1' })
const stranger = makeHierarchy({ now, caKey: 'prime256v1' })
const another = pki.issueLeaf()

/** Before {@link now}. */
const hours = (count: number) => plus(now, -count * HOUR_MS)
/** The staple in hand is two hours old. */
const HELD = hours(2)

describe('takeRevocation()', () => {
  const cases: readonly (readonly [string, Uint8Array | undefined, RegExp])[] = [
    ['revokes it', revoking(hours(1)), /^withdraw$/],
    ['revokes it as of the staple in hand', revoking(HELD), /^withdraw$/],
    ['revokes it for good, and has ended', revoking(hours(1), { lasts: 0.5 }), /^withdraw$/],
    ['has it on hold', revoking(hours(1), { reason: 6 }), /^withdraw$/],
    [
      'had it on hold, which may have been lifted',
      revoking(hours(1), { reason: 6, lasts: 0.5 }),
      /^refuse: next-update-passed/,
    ],
    ['is not there', undefined, /^refuse: it says revoked, and does not show .* up to date/],
    ['another CA signed', revoking(now, { by: stranger }), /^refuse: signer-missing/],
    ['is of another certificate', revoking(now, { of: another }), /^refuse: cert-id-mismatch/],
    ['says good', saying('good', now), /^refuse: .* and says good$/],
    ['says unknown', saying('unknown', now), /^refuse: status-unknown/],
    ['is from the future', revoking(plus(now, DAY_MS)), /^refuse: this-update-in-future/],
    ['is older than the staple in hand', revoking(hours(3)), /^older: it is of .* in hand of/],
    ['is no response', Buffer.from('<html>'), /^refuse: body-is-text/],
  ]
  it.each(cases)('of a response that %s', (_, response, expected) => {
    expect(taken(entry(), response)).toMatch(expected)
  })

  it('keeps the response with the schedule, and when the certificate is next asked about', () => {
    const response = revoking(hours(1))
    const taking = takeRevocation(entry(), response, { policy: defaultPolicy, now })
    const next = { ...records.schedule(), lastError: 'revoked', revokedAsOf: hours(1) }
    expect(taking).toEqual({ kind: 'withdraw', next: { ...next, revocation: response } })
  })

  const known = { revokedAsOf: hours(1), revocation: revoking(hours(1)) }
  const repeated: readonly (readonly [string, Partial<Schedule>, Uint8Array, string])[] = [
    ['the same one', known, known.revocation, 'keep'],
    ['an older one', known, revoking(hours(3)), 'keep'],
    ['a newer one', known, revoking(now), 'withdraw'],
    ['the first that is shown', { revokedAsOf: hours(1) }, known.revocation, 'withdraw'],
  ]
  it.each(repeated)('without a staple, of %s', (_, schedule, response, expected) => {
    expect(taken({ ...entry(schedule), staple: undefined }, response)).toBe(expected)
  })

  it('judges nothing without the issuer', () => {
    const { certificate, ...rest } = entry()
    const without = { ...rest, certificate: { ...certificate, issuer: undefined } }
    expect(taken(without, revoking(now))).toMatch(/^refuse: the issuer .* is not known/)
  })
})

/** A certificate with the staple in hand. */
function entry(schedule: Partial<Schedule> = {}): Entry {
  const { leaf, issuer } = pki
  const { fingerprint: id } = leaf.certificate
  return {
    certificate: records.certificate(1, { id, der: leaf.der, issuer: issuer.der }),
    schedule: records.schedule(schedule),
    staple: records.staple(1, { thisUpdate: HELD }),
    former: undefined,
  }
}

function taken(of: Entry, response: Uint8Array | undefined): string {
  const taking = takeRevocation(of, response, { policy: defaultPolicy, now })
  return 'problem' in taking ? `${taking.kind}: ${taking.problem}` : taking.kind
}

interface Knobs {
  readonly reason?: number
  /** From thisUpdate to nextUpdate, in hours. */
  readonly lasts?: number
  readonly by?: typeof pki
  readonly of?: typeof another
}

function revoking(thisUpdate: EpochMs, { reason = 1, ...knobs }: Knobs = {}): Uint8Array {
  return saying({ revokedAt: thisUpdate, reason }, thisUpdate, knobs)
}

function saying(
  certStatus: CertStatusKnob,
  thisUpdate: EpochMs,
  { lasts = 24, by = pki, of = pki.leaf }: Omit<Knobs, 'reason'> = {},
): Uint8Array {
  const certID = { certificate: of.certificate, issuer: pki.issuer.certificate }
  const nextUpdate = plus(thisUpdate, lasts * HOUR_MS)
  return buildResponse({
    responses: [{ certID, thisUpdate, nextUpdate, certStatus }],
    signer: by.issuer,
  })
}
