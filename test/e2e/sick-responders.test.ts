import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { epochMs } from '../../src/der/time.ts'
import { silent } from '../../src/lab/faults/answers.ts'
import { catalogue } from '../../src/lab/faults/catalogue.ts'
import { judge } from '../../src/ocsp/judge.ts'
import type { Entry } from '../../src/store/store.ts'
import { root } from '../_source-files.ts'
import { type Clinic, type Hospital, openClinic, openHospital, served } from './_sick-responders.ts'

/** What `status` says of certificates that got no staple: in the words of the last error. */
const lastErrors: Readonly<Record<string, string>> = {
  'responder-shut-down': 'HTTP status 404',
  'unauthorized-under-load': 'the responder says unauthorized',
  'new-ca-not-connected': 'the responder says unauthorized',
  'not-known-after-issuance': 'the responder says unauthorized',
  'precertificate-unknown': 'status-unknown: saw unknown, required good',
  'unknown-though-issued': 'status-unknown: saw unknown, required good',
  'unauthorized-for-cross-signed-ca': 'the responder says unauthorized',
  'revoked-though-not-known-yet': 'revoked at 1970-01-01T00:00:00Z, reason certificateHold',
  'try-later': 'the responder says tryLater',
  'revoked-with-wrong-tags': 'response-malformed: ',
  'next-update-missing': 'next-update-missing: ',
  'this-update-in-future': 'this-update-in-future: ',
  'signer-expired': 'signer-expired: ',
  'signer-of-another-root': 'signer-not-issued-by-issuer: ',
  'signer-without-ocsp-signing': 'signer-without-ocsp-signing: ',
  'sha256-cert-id-answered': 'cert-id-hash-not-sha1: saw CertID with SHA-256, required SHA-1',
  'ca-switched-to-sha256-cert-ids': 'cert-id-hash-not-sha1: saw CertID with SHA-256',
  'response-extensions-empty': 'extensions-empty: ',
  'wrong-algorithm-named': 'signature-algorithm-mismatch: ',
  'integer-not-minimal': 'non-minimal-integer: ',
  'try-later-for-days': 'the responder says tryLater',
  'slow-to-know': 'status-unknown: saw unknown, required good',
}

/** Why it is asked again when it is, as `status` says; it may be asked at that moment. */
const reasons: Readonly<Record<string, RegExp>> & { readonly others: RegExp } = {
  'not-known-after-issuance': /: the CA may not know so new a certificate yet$|^being fetched$/,
  'precertificate-unknown': /: the CA may not know so new a certificate yet$|^being fetched$/,
  'revoked-though-not-known-yet': /: the CA may not know so new a certificate yet$|^being fetched$/,
  'slow-to-know': /: the CA may not know so new a certificate yet$|^being fetched$/,
  others:
    /^attempt \d+, .* after the last failed(: asking is not likely to cure this)?$|^being fetched$/,
}

describe('one service, a sick CA for each misbehaviour, and a healthy one beside them', () => {
  const clinics = new Map<string, Clinic>()
  let healthy: Clinic
  let dead: Clinic
  let hospital: Hospital
  /** What `everstaple status --json` says when all but the dead one have been asked. */
  let reports: ReadonlyMap<string, Report>

  beforeAll(async () => {
    for (const { name, fault, leaf } of catalogue) {
      clinics.set(name, await openClinic({ name, fault, leaf }))
    }
    healthy = await openClinic({ name: 'healthy', size: 30 })
    dead = await openClinic({ name: 'dead', fault: silent, size: 30 })
    hospital = await openHospital([...clinics.values(), dead, healthy])
    for (const { leaves } of [...clinics.values(), healthy]) {
      for (const { certificate } of leaves) await hospital.outcome(certificate.fingerprint)
    }
    reports = await reportsFrom(hospital)
  })
  afterAll(async () => {
    await hospital?.[Symbol.asyncDispose]()
    for (const clinic of [...clinics.values(), healthy, dead]) await clinic?.[Symbol.asyncDispose]()
  })

  const clinicOf = (name: string): Clinic => {
    const clinic = clinics.get(name)
    if (clinic === undefined) throw new Error(`there is no CA for ${name}`)
    return clinic
  }

  const entryOf = async (id: string): Promise<Entry> => {
    const entry = await hospital.service.store.entry({ id })
    if (entry === undefined) throw new Error(`${id} is not in the store`)
    return entry
  }

  for (const { name, number, expected } of catalogue) {
    const getsStaple = !['back-off', 'fatal'].includes(expected)

    test(`${number} ${name}: ${expected}`, async () => {
      const clinic = clinicOf(name)
      const {
        issuer,
        leaves: [leaf],
      } = clinic
      const id = leaf?.certificate.fingerprint ?? ''
      const { event, requests } = await hospital.outcome(id)
      const { schedule, staple } = await entryOf(id)
      if (getsStaple) {
        expect(event).toBe('stapleStored')
        expect(schedule).toMatchObject({ attempts: 0, lastError: undefined })
        const { certificate } = leaf ?? issuer
        const now = epochMs(Date.now())
        const response = staple?.der ?? Uint8Array.of()
        const verdict = judge({ response, certificate, issuer: issuer.certificate, now })
        expect(verdict).toMatchObject({ accepted: true, staple: { status: 'good' } })
        expect(await served(hospital, clinic)).toEqual(new Uint8Array(response))
        expect(reports.get(id)).toMatchObject({ usable: true, schedule: { lastError: null } })
        expect(reports.get(id)?.schedule?.reason).toMatch(/^a quarter of (the )?usable life|cache/)
      } else {
        expect(event).toBe('fetchFailed')
        expect(staple).toBeUndefined()
        expect(schedule?.lastError).toContain(lastErrors[name])
        expect(schedule?.attempts).toBeGreaterThanOrEqual(1)
        expect(schedule?.dueAt).toBeGreaterThan(schedule?.lastAttemptAt ?? Number.POSITIVE_INFINITY)
        expect(await served(hospital, clinic)).not.toBeInstanceOf(Uint8Array)
        expect(reports.get(id)).toMatchObject({ usable: false, staple: null })
        expect(reports.get(id)?.schedule?.lastError).toContain(lastErrors[name])
        expect(reports.get(id)?.schedule?.reason).toMatch(reasons[name] ?? reasons.others)
      }
      // What the first answer cures is asked once; what another attempt may cure, a few times and no more.
      const [least, most] = expected === 'immediate' ? [2, 3] : getsStaple ? [1, 1] : [1, 3]
      expect(requests.length).toBeGreaterThanOrEqual(least)
      expect(requests.length).toBeLessThanOrEqual(most)
    })
  }

  test('the healthy CA was asked once for each certificate, and all have staples', async () => {
    for (const { certificate } of healthy.leaves) {
      const { event } = await hospital.outcome(certificate.fingerprint)
      expect(event).toBe('stapleStored')
      expect((await entryOf(certificate.fingerprint)).staple).toBeDefined()
    }
    expect(healthy.responder.requests).toHaveLength(healthy.leaves.length)
  })

  test('a CA that never answers held up nobody: all others are done before it is given up once', async () => {
    for (const clinic of [...clinics.values(), healthy]) {
      for (const { certificate } of clinic.leaves) await hospital.outcome(certificate.fingerprint)
    }
    expect(dead.responder.requests.length).toBeGreaterThan(0)
    const given = dead.leaves.filter((leaf) => hospital.hasOutcome(leaf.certificate.fingerprint))
    expect(given).toEqual([])
  })

  test('a revocation at one edge of two is not believed, and alerts nobody', async () => {
    const { leaves } = clinicOf('revoked-by-mistake-at-some-edges')
    for (const { certificate } of leaves) await hospital.outcome(certificate.fingerprint)
    const alarms = hospital.lines.filter(({ event }) => event === 'certificateRevoked')
    const revoked = alarms.map(({ certificate }) => certificate)
    expect(revoked).not.toContain('revoked-by-mistake-at-some-edges.test')
  })
})

interface Report {
  readonly id: string
  readonly usable: boolean
  readonly staple: object | null
  readonly schedule: { readonly reason: string; readonly lastError: string | null } | null
}

async function reportsFrom({ data }: Hospital): Promise<ReadonlyMap<string, Report>> {
  const args = [join(root, 'dist/cli/main.js'), 'status', '--json', '--data', data]
  // Status 1, as not all have staples.
  const { stdout } = await promisify(execFile)(process.execPath, args).catch(
    (error: { readonly stdout: string }) => error,
  )
  const { certificates }: { certificates: readonly Report[] } = JSON.parse(stdout)
  return new Map(certificates.map((report) => [report.id, report]))
}
