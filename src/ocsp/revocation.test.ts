import { describe, expect, it } from 'vitest'
import { DAY_MS, type EpochMs, epochMs, HOUR_MS, plus } from '../der/time.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { buildResponse, type CertStatusKnob } from '../lab/response-builder.ts'
import { type JudgeInput, judge } from './judge.ts'
import { defaultPolicy } from './policy.ts'
import { isOnlyRevoked, judgeRevocation } from './revocation.ts'

const now = epochMs(1_790_000_000_000)
const pki = makeHierarchy({ now, caKey: 'prime256v1' })
const other = makeHierarchy({ now, caKey: 'prime256v1' })
const { notBefore } = pki.leaf.certificate

const compromised: CertStatusKnob = { revokedAt: plus(now, -DAY_MS), reason: 1 }
const onHold: CertStatusKnob = { revokedAt: plus(now, -DAY_MS), reason: 6 }
const neverIssued: CertStatusKnob = { revokedAt: epochMs(0), reason: 6 }

describe('judgeRevocation()', () => {
  const yesterday = plus(now, -DAY_MS)
  const longAgo = plus(now, -10 * DAY_MS)
  const tomorrow = plus(now, DAY_MS)
  const cases: readonly (readonly [string, JudgeInput, string])[] = [
    ['says revoked', about(saying(compromised, yesterday)), 'proven'],
    ['says revoked, and has ended', about(saying(compromised, longAgo)), 'proven'],
    ['is from the future', about(saying(compromised, tomorrow)), 'this-update-in-future'],
    ['says on hold', about(saying(onHold, yesterday)), 'proven'],
    ['says on hold, and has ended', about(saying(onHold, longAgo)), 'next-update-passed'],
    ['says good', about(saying('good', yesterday)), 'good'],
    ['says unknown', about(saying('unknown', yesterday)), 'status-unknown'],
    ['says never issued', about(saying(neverIssued, yesterday)), 'proven'],
    [
      'says never issued of one in its first day',
      about(saying(neverIssued, plus(notBefore, HOUR_MS)), plus(notBefore, 2 * HOUR_MS)),
      'status-not-issued',
    ],
    ['is signed by another CA', about(saying(compromised, yesterday, other)), 'signer-missing'],
    ['is about another', { ...about(saying(compromised, yesterday)), ...another() }, 'cert-id'],
    ['is none', about(new Uint8Array()), 'body-empty'],
  ]
  it.each(cases)('of a response that %s', (_, input, expected) => {
    const verdict = judgeRevocation(input)
    const says = verdict.proven ? 'proven' : (verdict.faults[0]?.rule ?? verdict.status)
    expect(says).toMatch(expected)
  })

  it('gives the canonical form, as staples have', () => {
    const response = saying(compromised, yesterday)
    const padded = Buffer.concat([response, Buffer.from('trailing')])
    const verdict = judgeRevocation(about(padded))
    expect(verdict.proven && Buffer.from(verdict.revocation.der)).toEqual(Buffer.from(response))
    expect(verdict.proven && verdict.revocation.thisUpdate).toBe(yesterday)
  })

  it('proves what a policy staples, too', () => {
    const policy = { ...defaultPolicy, revoked: 'staple' as const }
    expect(judgeRevocation({ ...about(saying(compromised, yesterday)), policy }).proven).toBe(true)
  })
})

describe('isOnlyRevoked()', () => {
  it.each([
    [compromised, -DAY_MS, true],
    [compromised, -10 * DAY_MS, false],
    ['good', -DAY_MS, false],
  ] as const)('of %j after %i ms: %s', (status, after, expected) => {
    const { findings } = judge(about(saying(status, plus(now, after))))
    expect(isOnlyRevoked(findings)).toBe(expected)
  })
})

function about(response: Uint8Array, at: EpochMs = now): JudgeInput {
  const { leaf, issuer } = pki
  return { response, certificate: leaf.certificate, issuer: issuer.certificate, now: at }
}

function another(): Pick<JudgeInput, 'certificate'> {
  return { certificate: pki.issueLeaf().certificate }
}

/** For four days. */
function saying(certStatus: CertStatusKnob, thisUpdate: EpochMs, by = pki): Uint8Array {
  const certID = { certificate: pki.leaf.certificate, issuer: pki.issuer.certificate }
  const nextUpdate = plus(thisUpdate, 4 * DAY_MS)
  return buildResponse({
    responses: [{ certID, thisUpdate, nextUpdate, certStatus }],
    signer: by.issuer,
  })
}
