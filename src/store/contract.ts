import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { durationMs, HOUR_MS, MINUTE_MS, plus } from '../der/time.ts'
import { tellsChanges } from './_contract-changes.ts'
import { keepsEdges } from './_contract-edges.ts'
import { keepsFormerStaples } from './_contract-former.ts'
import { keepsOutputStates } from './_contract-outputs.ts'
import { keepsProbes } from './_contract-probes.ts'
import { reports } from './_contract-reports.ts'
import { keepsResponders } from './_contract-responders.ts'
import { certificate, claimAll, NOW, plain, schedule, staple } from './_records.ts'
import { BEING_FETCHED, type Claim, type Entry, type Store } from './store.ts'

/** A store over storage with nothing in it, which can be closed and opened again. Disposing of it ends the test, with the store open. */
export interface StoreUnderTest extends AsyncDisposable {
  /** Opens the same storage; every call after the one before was disposed of. */
  open(): Promise<Store>
}

/** What every engine must do: the promises of {@link Store}, each as a test. */
export function storeContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a store`, () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await make()
      store = await under.open()
    })
    afterEach(() => under[Symbol.asyncDispose]())
    const reopen = async () => {
      await store[Symbol.asyncDispose]()
      store = await under.open()
    }

    keepsRecords(() => store, reopen)
    schedules(() => store)
    claims(() => store, reopen)
    keepsFormerStaples(() => store, reopen)
    keepsOutputStates(() => store, reopen)
    reports(() => store)
    keepsResponders(() => store, reopen)
    tellsChanges(() => store, reopen)
    keepsEdges(() => store, reopen)
    keepsProbes(() => store, reopen)
  })
}

type Get = () => Store

function keepsRecords(store: Get, reopen: () => Promise<void>): void {
  it('gives back every field of a certificate and its staple, also after it was opened again', async () => {
    const record = certificate(1, {
      name: 'bücher.example',
      mustStaple: true,
      sources: ['/a', '/b'],
    })
    const kept = staple(1)
    const next = schedule({ attempts: 3, lastError: 'connect timed out after 4s' })
    await store().putCertificates([record], NOW)
    await store().complete(record.id, next, { staple: kept })
    const expected = { certificate: record, schedule: next, staple: kept, former: undefined }
    expect(plain(await store().entry({ id: record.id }))).toEqual(plain(expected))
    await reopen()
    expect(plain(await store().entry({ id: record.id }))).toEqual(plain(expected))
    expect(plain(await store().entry({ certIDKey: record.certIDKey ?? '' }))).toEqual(
      plain(expected),
    )
  })

  it('keeps bytes that are views into a larger buffer, and as they were when it was told', async () => {
    const whole = new Uint8Array(100_000).fill(7)
    const record = certificate(1, { der: whole.subarray(10, 20), issuer: undefined })
    const put = store().putCertificates([record], NOW)
    whole.fill(9)
    await put
    const entry = await store().entry({ id: record.id })
    expect(entry?.certificate.der).toEqual(new Uint8Array(10).fill(7))
    expect(entry?.certificate.issuer).toBeUndefined()
  })

  it('replaces what is known of a certificate with the same id, and keeps schedule and staple', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().complete(certificate(1).id, schedule(), { staple: staple(1) })
    const changed = certificate(1, {
      sources: ['/elsewhere.pem'],
      issuer: new Uint8Array([1, 2, 3]),
      certIDKey: 'bb',
      mustStaple: true,
    })
    await store().putCertificates([changed], plus(NOW, HOUR_MS))
    expect(plain(await store().entry({ certIDKey: 'bb' }))).toEqual(
      plain({
        certificate: changed,
        schedule: schedule(),
        staple: staple(1),
        former: undefined,
      }),
    )
    expect(await store().entry({ certIDKey: certificate(1).certIDKey ?? '' })).toBeUndefined()
  })

  it('removes certificates with all that belongs to them, and ignores ids that it does not know', async () => {
    await store().putCertificates([certificate(1), certificate(2)], NOW)
    await store().complete(certificate(1).id, schedule(), { staple: staple(1) })
    await store().removeCertificates([certificate(1).id, 'unknown'])
    expect(await store().certificateIds()).toEqual(new Set([certificate(2).id]))
    await store().putCertificates([certificate(1)], NOW)
    expect((await store().entry({ id: certificate(1).id }))?.staple).toBeUndefined()
  })

  it('gives every entry once, sorted by name, however many there are', async () => {
    const records = Array.from({ length: 1_234 }, (_, at) => {
      const number = (at * 7_919) % 1_234
      return certificate(number, { name: `host-${String(number >> 2).padStart(4, '0')}` })
    })
    await store().putCertificates(records, NOW)
    const ids: string[] = []
    for await (const entry of store().entries()) ids.push(entry.certificate.id)
    expect(ids).toEqual(records.map(({ id }) => id).sort())
    expect(await store().certificateIds()).toEqual(new Set(ids))
  })

  it('has nothing when it is new', async () => {
    const entries: Entry[] = []
    for await (const entry of store().entries()) entries.push(entry)
    expect(entries).toEqual([])
    expect(await store().certificateIds()).toEqual(new Set())
    expect(await store().nextDueAt()).toBeUndefined()
    expect(await store().dueResponders(NOW)).toEqual([])
    expect(await store().problems()).toEqual([])
    expect(await store().responderCoverage(NOW)).toEqual([])
    expect(await store().coverage(NOW)).toEqual({ managed: 0, stapled: 0, missing: [] })
  })

  it('shows a write to every read that follows its promise, with many under way', async () => {
    await Promise.all(
      Array.from({ length: 200 }, async (_, number) => {
        const { id } = certificate(number)
        await store().putCertificates([certificate(number)], NOW)
        await store().complete(id, schedule({ attempts: number }), {
          staple: staple(number),
        })
        const entry = await store().entry({ id })
        expect(entry?.schedule?.attempts).toBe(number)
        expect(entry?.staple?.der).toEqual(staple(number).der)
      }),
    )
  })

  it('refuses a time that is no number, and that alone', async () => {
    await store().putCertificates([certificate(1), certificate(2)], NOW)
    const bad = store().complete(certificate(1).id, schedule({ dueAt: plus(NOW, Number.NaN) }))
    const good = store().complete(certificate(2).id, schedule(), { staple: staple(2) })
    await expect(bad).rejects.toThrow('NaN cannot be stored')
    await good
    expect((await store().entry({ id: certificate(2).id }))?.staple).toBeDefined()
  })
}

function schedules(store: Get): void {
  it('makes a new certificate that can have a staple due at once', async () => {
    await store().putCertificates([certificate(1)], NOW)
    expect((await store().entry({ id: certificate(1).id }))?.schedule).toEqual({
      dueAt: NOW,
      reason: 'new certificate',
      attempts: 0,
      lastAttemptAt: undefined,
      lastError: undefined,
    })
    expect(await store().nextDueAt()).toBe(NOW)
    expect(await store().dueResponders(plus(NOW, -1))).toEqual([])
    expect(await store().dueResponders(NOW)).toEqual(['http://ocsp.example.org'])
  })

  it.each([
    'issuer-missing',
    'crl-only',
    'no-revocation',
    'expired',
    'not-yet-valid',
    'ca',
  ] as const)('has no schedule for a certificate that is %s', async (classification) => {
    await store().putCertificates([certificate(1, { classification })], NOW)
    expect((await store().entry({ id: certificate(1).id }))?.schedule).toBeUndefined()
    expect(await store().nextDueAt()).toBeUndefined()
    expect(await store().claimDue(claimAll())).toEqual([])
  })

  it('takes a certificate that is no longer ocsp out of the schedule, keeps its staple, and takes it in again', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().complete(certificate(1).id, schedule(), { staple: staple(1) })
    await store().putCertificates([certificate(1, { classification: 'expired' })], NOW)
    const left = await store().entry({ id: certificate(1).id })
    expect(left?.schedule).toBeUndefined()
    expect(left?.staple?.der).toEqual(staple(1).der)
    await store().complete(certificate(1).id, schedule())
    expect(await store().nextDueAt()).toBeUndefined()
    await store().putCertificates([certificate(1)], NOW)
    expect(await store().coverage(NOW)).toEqual({ managed: 1, stapled: 1, missing: [] })
    expect(await store().nextDueAt()).toBe(NOW)
  })

  it('follows the earliest due time, claims and fractions of milliseconds included', async () => {
    await store().putCertificates([certificate(1), certificate(2)], NOW)
    await store().complete(certificate(1).id, schedule({ dueAt: plus(NOW, 5_000.4) }))
    await store().claimDue({ ...claimAll(), lease: durationMs(MINUTE_MS) })
    expect(await store().nextDueAt()).toBe(plus(NOW, 5_000))
    await store().complete(certificate(1).id, schedule())
    expect(await store().nextDueAt()).toBe(plus(NOW, MINUTE_MS))
  })

  it('orders responders by their most urgent certificate', async () => {
    const at = (number: number, responder: string, mustStaple = false) =>
      certificate(number, { responder, mustStaple })
    await store().putCertificates(
      [
        at(1, 'http://late'),
        at(2, 'http://soon'),
        at(3, 'http://bare'),
        at(4, 'http://must', true),
      ],
      NOW,
    )
    await store().putCertificates([at(5, 'http://not-due')], plus(NOW, HOUR_MS))
    const due = schedule({ dueAt: NOW })
    await store().complete(certificate(1).id, due, {
      staple: staple(1, { usableUntil: plus(NOW, 2_000) }),
    })
    await store().complete(certificate(2).id, due, {
      staple: staple(2, { usableUntil: plus(NOW, 1_000) }),
    })
    expect(await store().dueResponders(NOW)).toEqual([
      'http://must',
      'http://bare',
      'http://soon',
      'http://late',
    ])
  })
}

function claims(store: Get, reopen: () => Promise<void>): void {
  it('gives out what is due: must-staple without a staple, others without, then by usableUntil', async () => {
    const stapled = (number: number) => number % 3 > 0
    const usable = (number: number) => plus(NOW, ((number * 37) % 60) * 1_000)
    const records = shuffled(60).map((number) =>
      certificate(number, { mustStaple: number % 4 === 0 }),
    )
    await store().putCertificates(records, NOW)
    const numbers = shuffled(60).filter(stapled)
    await Promise.all(
      numbers.map((number) =>
        store().complete(certificate(number).id, schedule({ dueAt: NOW }), {
          staple: staple(number, { usableUntil: usable(number) }),
        }),
      ),
    )
    const rank = ({ certificate: { mustStaple }, staple: held }: Claim) =>
      held === undefined ? [mustStaple ? 0 : 1, 0] : [2, held.usableUntil]
    const given: Claim[] = []
    for (let left = 60; left > 0; left -= 7) {
      const some = await store().claimDue({ ...claimAll(), limit: 7 })
      expect(some).toHaveLength(Math.min(7, left))
      given.push(...some)
    }
    const sorted = given.toSorted((a, b) => {
      const [[x = 0, until = 0], [y = 0, later = 0]] = [rank(a), rank(b)]
      return x - y || until - later
    })
    expect(given.map(rank)).toEqual(sorted.map(rank))
    expect(new Set(given.map((claim) => claim.certificate.id)).size).toBe(60)
    expect(await store().claimDue(claimAll())).toEqual([])
  })

  it('ranks equals by dueAt, then as they were added; responders by name', async () => {
    const at = (number: number, responder: string) => certificate(number, { responder })
    await store().putCertificates(
      [at(5, 'http://b'), at(9, 'http://a'), at(4, 'http://a'), at(6, 'http://a')],
      NOW,
    )
    await store().complete(certificate(6).id, schedule({ dueAt: plus(NOW, -1) }))
    await store().complete(certificate(5).id, schedule({ dueAt: plus(NOW, -1) }))
    await store().putCertificates([at(9, 'http://a')], NOW)
    expect(await store().dueResponders(NOW)).toEqual(['http://a', 'http://b'])
    const given = await store().claimDue({ ...claimAll(), responder: 'http://a' })
    expect(given.map((claim) => claim.certificate.id)).toEqual(
      [6, 9, 4].map((number) => certificate(number).id),
    )
  })

  it('gives out nothing that a clock set back makes due later', async () => {
    await store().putCertificates([certificate(1)], NOW)
    expect(await store().dueResponders(NOW)).toHaveLength(1)
    expect(await store().dueResponders(plus(NOW, -1))).toEqual([])
    expect(await store().claimDue({ ...claimAll(), now: plus(NOW, -1) })).toEqual([])
    expect(await store().claimDue(claimAll())).toHaveLength(1)
  })

  it('gives a claim with everything that is known, and the schedule as it was', async () => {
    await store().putCertificates([certificate(1)], NOW)
    const due = schedule({ dueAt: plus(NOW, -5), attempts: 2, lastError: 'HTTP 503' })
    await store().complete(certificate(1).id, due, { staple: staple(1) })
    expect((await store().claimDue(claimAll())).map(plain)).toEqual([
      plain({ certificate: certificate(1), schedule: due, staple: staple(1), former: undefined }),
    ])
  })

  it('tells of a claimed certificate that it is being fetched, with the end of the lease', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().complete(certificate(1).id, schedule({ dueAt: NOW, attempts: 2 }))
    await store().claimDue({ ...claimAll(), lease: durationMs(MINUTE_MS) })
    expect((await store().entry({ id: certificate(1).id }))?.schedule).toEqual(
      schedule({ dueAt: plus(NOW, MINUTE_MS), reason: BEING_FETCHED, attempts: 2 }),
    )
  })

  it('gives out nothing of another responder, and nothing before its time', async () => {
    await store().putCertificates([certificate(1)], plus(NOW, 1))
    await store().putCertificates([certificate(2, { responder: 'http://other' })], NOW)
    expect(await store().claimDue(claimAll())).toEqual([])
    expect(await store().claimDue({ ...claimAll(), now: plus(NOW, 1) })).toHaveLength(1)
  })

  it('follows a certificate to another responder', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().putCertificates([certificate(1, { responder: 'http://other' })], NOW)
    expect(await store().claimDue(claimAll())).toEqual([])
    expect(await store().claimDue({ ...claimAll(), responder: 'http://other' })).toHaveLength(1)
  })

  it('gives nothing to two that ask at once', async () => {
    await store().putCertificates(
      shuffled(50).map((number) => certificate(number)),
      NOW,
    )
    const parts = await Promise.all(
      Array.from({ length: 10 }, () => store().claimDue({ ...claimAll(), limit: 8 })),
    )
    const ids = parts.flat().map((claim) => claim.certificate.id)
    expect(ids).toHaveLength(50)
    expect(new Set(ids).size).toBe(50)
  })

  it('gives a claim out again when its lease has ended, and a crash changes nothing about that', async () => {
    await store().putCertificates([certificate(1)], NOW)
    const lease = durationMs(MINUTE_MS)
    await store().claimDue({ ...claimAll(), lease })
    await reopen()
    const before = plus(NOW, MINUTE_MS - 1)
    expect(await store().claimDue({ ...claimAll(), now: before })).toEqual([])
    expect(await store().claimDue({ ...claimAll(), now: plus(NOW, MINUTE_MS) })).toHaveLength(1)
  })

  it('gives a claim out as complete says, before its lease has ended', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().claimDue(claimAll())
    await store().complete(certificate(1).id, schedule({ dueAt: plus(NOW, 5) }))
    expect(await store().claimDue({ ...claimAll(), now: plus(NOW, 4) })).toEqual([])
    expect(await store().claimDue({ ...claimAll(), now: plus(NOW, 5) })).toHaveLength(1)
  })

  it('ignores the outcome for a certificate that was removed meanwhile', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().claimDue(claimAll())
    await store().removeCertificates([certificate(1).id])
    await store().complete(certificate(1).id, schedule(), { staple: staple(1) })
    await store().withdrawStaple(certificate(1).id)
    expect(await store().entry({ id: certificate(1).id })).toBeUndefined()
    expect(await store().nextDueAt()).toBeUndefined()
  })

  it('keeps the staple of a claim that ends without a new one', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().complete(certificate(1).id, schedule(), { staple: staple(1) })
    await store().complete(certificate(1).id, schedule({ attempts: 1, lastError: 'HTTP 503' }))
    const entry = await store().entry({ id: certificate(1).id })
    expect(entry?.staple?.der).toEqual(staple(1).der)
    expect(entry?.schedule?.lastError).toBe('HTTP 503')
  })
}

/** The numbers below `count` in an order that has nothing to do with them. */
function shuffled(count: number): number[] {
  return Array.from({ length: count }, (_, at) => (at * 37 + 11) % count)
}
