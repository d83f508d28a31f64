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

describe('one service, a sick CA for each misbehaviour, and a healthy one beside them', () => {
  const clinics = new Map<string, Clinic>()
  let healthy: Clinic
  let dead: Clinic
  let hospital: Hospital
  /** Lines of `everstaple status`, by name of certificate. */
  let status: ReadonlyMap<string, string>

  beforeAll(async () => {
    for (const { name, fault, leaf } of catalogue) {
      clinics.set(name, await openClinic({ name, fault, leaf }))
    }
    healthy = await openClinic({ name: 'healthy', size: 30 })
    dead = await openClinic({ name: 'dead', fault: silent, size: 30 })
    // Retries are as late as the draw allows, so that nothing but the first attempt has been when `status` tells of it.
    hospital = await openHospital([...clinics.values(), dead, healthy], { random: () => 0.9 })
    for (const { leaves } of [...clinics.values(), healthy]) {
      for (const { certificate } of leaves) await hospital.outcome(certificate.fingerprint)
    }
    status = await statusOf(hospital)
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
        expect(status.get(`${name}.test`)).toMatch(STAPLED)
      } else {
        expect(event).toBe('fetchFailed')
        expect(staple).toBeUndefined()
        expect(schedule?.lastError).toContain(lastErrors[name])
        expect(schedule?.attempts).toBeGreaterThanOrEqual(1)
        expect(schedule?.dueAt).toBeGreaterThan(schedule?.lastAttemptAt ?? Number.POSITIVE_INFINITY)
        expect(await served(hospital, clinic)).not.toBeInstanceOf(Uint8Array)
        expect(status.get(`${name}.test`)).toMatch(UNSTAPLED)
        expect(status.get(`${name}.test`)).toContain(lastErrors[name])
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
    const lines = [...status].filter(([name]) => name.endsWith('healthy.test'))
    expect(lines.filter(([, line]) => STAPLED.test(line))).toHaveLength(healthy.leaves.length)
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

/** What the program says of each certificate, read from the data folder beside the running service. */
async function statusOf({ data }: Hospital): Promise<ReadonlyMap<string, string>> {
  const args = [join(root, 'dist/cli/main.js'), 'status', '--data', data]
  const { stdout } = await promisify(execFile)(process.execPath, args).catch(
    (error: { readonly stdout: string }) => error,
  )
  const lines = stdout.split('\n').filter((line) => /^[-+!] /.test(line))
  return new Map(lines.map((line) => [line.split(/\s+/)[1] ?? '', line]))
}

const STAPLED = /^\+ .* staple for [1-9].* more; next fetch 20/
const UNSTAPLED = /^- .* no staple yet; failing: .*; next fetch 20/
