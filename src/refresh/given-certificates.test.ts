import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, type EpochMs, HOUR_MS, MINUTE_MS, plus } from '../der/time.ts'
import type { LabCertificate } from '../lab/ca.ts'
import type { CertificateRecord, Entry, Store } from '../store/store.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { found, pki, snapshotOf, start, storeFolder, until } from './_setup.ts'
import { GivenCertificates } from './given-certificates.ts'
import { takeIn } from './intake.ts'
import { Turns } from './turns.ts'

let folder: ReturnType<typeof storeFolder>
let store: Store
let clock: SimulatedClock
let given: GivenCertificates
let changed: CertificateRecord[]
let orphans: string[]
const { leaf, issuer } = pki
const id = leaf.certificate.fingerprint

beforeEach(async () => {
  folder = storeFolder()
  store = await folder.open()
  clock = new SimulatedClock(start)
  changed = []
  orphans = []
  given = new GivenCertificates({
    store,
    clock,
    turns: new Turns(),
    events: {
      certificatesChanged: () => {},
      storeFailed: ({ error }) => expect.unreachable(String(error)),
    },
    changed: (record) => changed.push(record),
    orphaned: (certificates) => {
      orphans = certificates.map(({ fingerprint }) => fingerprint)
    },
    due: () => {},
  })
})
afterEach(async () => {
  await store[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

describe('a given certificate', () => {
  it('is due at once, and has the API for source', async () => {
    await give(leaf)
    const { certificate, schedule } = await entryOf(leaf)
    expect(certificate).toMatchObject({ sources: ['api'], classification: 'ocsp' })
    expect([schedule?.dueAt, changed.map((each) => each.id)]).toEqual([start, [id]])
  })

  it('changes nothing when it is given again', async () => {
    await give(leaf)
    await give(leaf)
    expect(changed).toHaveLength(1)
  })

  it('stays when files come and go', async () => {
    await give(leaf)
    const { removed, given: kept } = await takeIn(store, snapshotOf([]), start)
    expect([removed, kept.map((each) => each.id)]).toEqual([[], [id]])
  })

  it('belongs to the file that holds it, with its schedule, and goes with that', async () => {
    await give(leaf)
    await takeIn(store, snapshotOf([found(leaf)]), plus(start, HOUR_MS))
    const { certificate, schedule } = await entryOf(leaf)
    expect([certificate.sources, schedule?.dueAt]).toEqual([['/certs/a.pem'], start])
    await give(leaf)
    expect((await entryOf(leaf)).certificate.sources).toEqual(['/certs/a.pem'])
    expect((await takeIn(store, snapshotOf([]), start)).removed).toHaveLength(1)
  })

  it('is asked about now when it is given again while it has no staple', async () => {
    await give(leaf)
    await failAttempt()
    await clock.advance(durationMs(5_000))
    await give(leaf)
    expect((await entryOf(leaf)).schedule?.dueAt).toBe(plus(start, HOUR_MS))
    await clock.advance(durationMs(5_000))
    await give(leaf)
    expect((await entryOf(leaf)).schedule).toMatchObject({ dueAt: clock.now(), attempts: 3 })
  })

  it('has its issuer looked for where that was not given', async () => {
    await give(leaf, 'unknown')
    expect(orphans).toEqual([id])
    await give(leaf)
    expect([orphans, (await entryOf(leaf)).certificate.classification]).toEqual([[], 'ocsp'])
  })

  it('is removed when asked for, unless a file holds it', async () => {
    await give(leaf)
    expect(await given.remove(id)).toBe('removed')
    expect(await given.remove(id)).toBe('unknown')
    await takeIn(store, snapshotOf([found(leaf)]), start)
    expect(await given.remove(id)).toBe('in-files')
    expect(await store.certificateIds()).toEqual(new Set([id]))
  })

  it('goes when it has expired, also after a restart', async () => {
    const old = pki.issueLeaf({ notAfter: plus(start, HOUR_MS) })
    await give(old)
    given.know([(await entryOf(old)).certificate])
    await passUntil(plus(start, HOUR_MS + 2 * MINUTE_MS))
    expect(await store.certificateIds()).toEqual(new Set())
  })

  it('is asked about when it becomes valid', async () => {
    const early = pki.issueLeaf({ notBefore: plus(start, HOUR_MS), notAfter: plus(start, DAY_MS) })
    await give(early)
    expect((await entryOf(early)).schedule).toBeUndefined()
    await passUntil(plus(start, HOUR_MS + 2 * MINUTE_MS))
    expect((await entryOf(early)).certificate.classification).toBe('ocsp')
  })
})

function give({ certificate }: LabCertificate, by: LabCertificate | 'unknown' = issuer) {
  return given.take({ certificate, issuer: by === 'unknown' ? undefined : by.certificate })
}

async function entryOf({ certificate }: LabCertificate): Promise<Entry> {
  const entry = await store.entry({ id: certificate.fingerprint })
  if (entry === undefined) throw new Error('it is not in the store')
  return entry
}

async function failAttempt(): Promise<void> {
  await store.complete(id, {
    dueAt: plus(start, HOUR_MS),
    reason: 'again',
    attempts: 3,
    lastAttemptAt: start,
    lastError: 'tryLater',
  })
}

/** Runs the loop meanwhile. */
async function passUntil(at: EpochMs): Promise<void> {
  const stop = new AbortController()
  const running = given.run(stop.signal)
  while (clock.now() < at) {
    await until(() => clock.sleeping > 0)
    await clock.advance(durationMs(MINUTE_MS))
  }
  await until(() => clock.sleeping > 0)
  stop.abort()
  await running
}
