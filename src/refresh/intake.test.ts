import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, HOUR_MS, plus } from '../der/time.ts'
import type { Schedule, StapleRecord, Store } from '../store/store.ts'
import { found, pki, snapshotOf, start, storeFolder } from './_setup.ts'
import { type IntakeChanges, takeIn, withIssuer } from './intake.ts'

let folder: ReturnType<typeof storeFolder>
let store: Store
const { leaf } = pki
const id = leaf.certificate.fingerprint

beforeEach(async () => {
  folder = storeFolder()
  store = await folder.open()
})
afterEach(async () => {
  await store[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

describe('takeIn()', () => {
  it('makes a new certificate due at once', async () => {
    const changes = await takeIn(store, snapshotOf([found(leaf)]), start)
    expect(counts(changes)).toEqual({ put: 1, added: 1, removed: 0, orphans: 0 })
    expect((await store.entry({ id }))?.schedule).toMatchObject({ dueAt: start })
  })

  it('changes nothing for a certificate that it knows', async () => {
    await takeIn(store, snapshotOf([found(leaf)]), start)
    const changes = await takeIn(store, snapshotOf([found(leaf)]), plus(start, HOUR_MS))
    expect(counts(changes)).toEqual({ put: 0, added: 0, removed: 0, orphans: 0 })
  })

  it('keeps staple and schedule of a certificate that moved to another file', async () => {
    await takeIn(store, snapshotOf([found(leaf)]), start)
    await store.complete(id, schedule, { staple })
    const moved = found(leaf, pki.issuer, ['/certs/b.pem'])
    const changes = await takeIn(store, snapshotOf([moved]), plus(start, HOUR_MS))
    expect(counts(changes)).toEqual({ put: 1, added: 0, removed: 0, orphans: 0 })
    const entry = await store.entry({ id })
    expect([entry?.certificate.sources, entry?.schedule]).toEqual([['/certs/b.pem'], schedule])
    expect(entry?.staple?.thisUpdate).toBe(staple.thisUpdate)
  })

  it('takes a renewed file for a new certificate, which has nothing of the old one', async () => {
    await takeIn(store, snapshotOf([found(leaf)]), start)
    await store.complete(id, schedule, { staple })
    const renewed = pki.issueLeaf()
    const changes = await takeIn(store, snapshotOf([found(renewed)]), plus(start, HOUR_MS))
    expect(counts(changes)).toEqual({ put: 1, added: 1, removed: 1, orphans: 0 })
    expect(await store.entry({ id })).toBeUndefined()
    const entry = await store.entry({ id: renewed.certificate.fingerprint })
    expect([entry?.staple, entry?.schedule?.dueAt]).toEqual([undefined, plus(start, HOUR_MS)])
  })

  it.each([
    ['its folder', ['/certs']],
    ['its file', ['/certs/a.pem']],
  ])('removes nothing while %s cannot be read', async (_, unreadable) => {
    await takeIn(store, snapshotOf([found(leaf)]), start)
    const changes = await takeIn(store, snapshotOf([], { unreadable }), start)
    expect(changes.removed).toEqual([])
    expect(await store.entry({ id })).toBeDefined()
  })

  it('keeps the issuer that was fetched for a certificate without one', async () => {
    const alone = { ...found(leaf), issuer: undefined, classification: 'issuer-missing' } as const
    const first = await takeIn(store, snapshotOf([alone]), start)
    expect(counts(first)).toEqual({ put: 1, added: 1, removed: 0, orphans: 1 })
    const [record] = first.put
    if (record === undefined) throw new Error('nothing was put')
    const complete = withIssuer(record, leaf.certificate, pki.issuer.certificate, start)
    await store.putCertificates([complete], start)
    const second = await takeIn(store, snapshotOf([alone]), start)
    expect(counts(second)).toEqual({ put: 0, added: 0, removed: 0, orphans: 0 })
    expect((await store.entry({ id }))?.certificate.classification).toBe('ocsp')
  })

  it('takes a certificate out of the schedule when it expires', async () => {
    await takeIn(store, snapshotOf([found(leaf)]), start)
    await takeIn(store, snapshotOf([found(leaf)]), plus(start, 90 * DAY_MS))
    const entry = await store.entry({ id })
    expect([entry?.certificate.classification, entry?.schedule]).toEqual(['expired', undefined])
  })

  it('replaces the problems of the sources', async () => {
    const problem = { path: '/certs/junk.pem', problem: 'is neither PEM nor DER' }
    await takeIn(store, snapshotOf([], { problems: [problem] }), start)
    expect(await store.problems()).toEqual([problem])
    await takeIn(store, snapshotOf([]), start)
    expect(await store.problems()).toEqual([])
  })
})

const schedule: Schedule = {
  dueAt: plus(start, DAY_MS),
  reason: 'a quarter of usable life',
  attempts: 0,
  lastAttemptAt: start,
  lastError: undefined,
}

const staple: StapleRecord = {
  der: Uint8Array.of(1),
  received: Uint8Array.of(1),
  producedAt: start,
  thisUpdate: start,
  nextUpdate: plus(start, 4 * DAY_MS),
  usableUntil: plus(start, durationMs(4 * DAY_MS)),
  fetchedAt: start,
  servedFrom: start,
  url: 'http://ocsp.lab.test/',
}

function counts({ put, added, removed, orphans }: IntakeChanges): object {
  return {
    put: put.length,
    added: added.length,
    removed: removed.length,
    orphans: orphans.length,
  }
}
