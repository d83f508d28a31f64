import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { DAY_MS, durationMs, HOUR_MS, SECOND_MS } from '../../der/time.ts'
import { MemoryStore } from '../../lab/memory-store.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import { SimulatedClock } from '../../time/simulated-clock.ts'
import { now, pki, staple } from '../_setup.ts'
import { missing, record, sha256, withStaple } from './_setup.ts'
import { type ExpectStapleCollector, openExpectStapleCollector } from './collector.ts'
import { REPORT_FILE, readReportFile } from './report-file.ts'

let folder: string
let clock: SimulatedClock
let failures: unknown[]
let collector: ExpectStapleCollector
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'expect-staple-'))
  clock = new SimulatedClock(now)
  failures = []
  collector = await open()
})
afterEach(async () => {
  await collector[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function open(): Promise<ExpectStapleCollector> {
  const store = new MemoryStore()
  await store.putCertificates([record(pki.leaf)], now)
  const events = { storeFailed: ({ error }: { error: unknown }) => failures.push(error) }
  return openExpectStapleCollector({ folder, store, policy: defaultPolicy, clock, events })
}

const stranger = { ...missing, servedChain: [pki.root.certificate.der] }

describe('ExpectStapleCollector', () => {
  it('keeps what was reported with what is known of it', async () => {
    await collector.collect(withStaple(staple.der))
    expect(collector.reports()).toEqual([
      {
        host: 'www.example.org',
        port: 443,
        certificate: pki.leaf.certificate.fingerprint,
        name: 'localhost',
        reason: 'acceptable',
        detail: expect.any(String),
        count: 1,
        firstAt: now,
        lastAt: now,
        example: {
          at: now,
          responseStatus: 'INVALID_DATE',
          certStatus: undefined,
          stapleSha256: sha256(staple.der),
        },
      },
    ])
  })

  test.each([
    ['of another certificate', stranger, pki.root.certificate.fingerprint],
    ['without a certificate', { ...missing, servedChain: [] }, undefined],
    ['of junk', { ...missing, servedChain: [Buffer.from('junk')] }, sha256(Buffer.from('junk'))],
  ])('keeps a report %s as hearsay', async (_name, report, certificate) => {
    await collector.collect(report)
    expect(collector.reports()).toMatchObject([{ certificate, name: undefined, reason: 'MISSING' }])
  })

  it('counts what says the same', async () => {
    for (let i = 0; i < 5; i++) await collector.collect(missing)
    await collector.collect(stranger)
    expect(collector.reports().map(({ count }) => count)).toEqual([5, 1])
  })

  it('counts what comes at the same time', async () => {
    await Promise.all(Array.from({ length: 20 }, () => collector.collect(missing)))
    expect(collector.reports()).toMatchObject([{ count: 20 }])
  })

  it('writes a while later, and again what came meanwhile', async () => {
    await collector.collect(missing)
    expect(await readReportFile(folder)).toEqual([])
    await advanceUntilWritten(1)
    await collector.collect(stranger)
    await advanceUntilWritten(2)
  })

  it('writes at the end, and goes on after a restart', async () => {
    await collector.collect(missing)
    await collector[Symbol.asyncDispose]()
    const kept = collector.reports()
    collector = await open()
    expect(collector.reports()).toEqual(kept)
    await clock.advance(durationMs(HOUR_MS - 1))
    await collector.collect(missing)
    expect(collector.reports()).toMatchObject([{ count: 2 }])
  })

  it('forgets after a week', async () => {
    await collector.collect(missing)
    await clock.advance(durationMs(7 * DAY_MS))
    expect(collector.reports()).toEqual([])
  })

  it('goes on in memory where nothing can be written', async () => {
    await mkdir(join(folder, `${REPORT_FILE}.tmp`))
    await collector.collect(missing)
    await collector[Symbol.asyncDispose]()
    expect(failures).toMatchObject([{ message: expect.stringMatching(/in memory only: EISDIR/) }])
    expect(collector.reports()).toHaveLength(1)
  })

  it('begins anew where the file cannot be read', async () => {
    await mkdir(join(folder, REPORT_FILE))
    collector = await open()
    expect(failures).toMatchObject([{ message: expect.stringMatching(/in memory only: EISDIR/) }])
    expect(collector.reports()).toEqual([])
  })
})

/** Writing takes real time; the clock only says when it begins. */
async function advanceUntilWritten(count: number): Promise<void> {
  await clock.advance(durationMs(10 * SECOND_MS))
  await expect.poll(() => readReportFile(folder), { interval: 1 }).toHaveLength(count)
}
