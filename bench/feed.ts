// How late a staple reaches a thousand agents, and what each of them costs the centre.
//
//   npm run bench:feed
//
// The readers are a process of their own on this machine, so both share its cores: read the delays as an upper bound.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { fastify } from 'fastify'
import { DAY_MS, HOUR_MS, plus } from '../src/der/time.ts'
import { serveChanges } from '../src/serve/api/changes.ts'
import { ChangeFeed } from '../src/serve/feed.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { CertificateRecord, Schedule, StapleRecord } from '../src/store/store.ts'
import { systemClock } from '../src/time/clock.ts'
import {
  fingerprint,
  type ReadersCharge,
  type ReadersOrder,
  type ReadersReport,
} from './_feed-readers.ts'

const READERS = 1_000
const CERTIFICATES = 100_000
const PER_READER = CERTIFICATES / READERS
const SINGLE_CHANGES = 50
const now = systemClock.now()
const schedule: Schedule = {
  ...{ dueAt: plus(now, DAY_MS), reason: 'bench', attempts: 0 },
  ...{ lastAttemptAt: now, lastError: undefined },
}

const folder = mkdtempSync(join(tmpdir(), 'everstaple-bench-'))
const store = await openSqliteStore({ folder })
const feed = new ChangeFeed({ store, clock: systemClock, tagsOf: () => [] })
const closing = new AbortController()
const app = fastify()
await app.register(async (inner) => serveChanges(inner, feed, { closing: closing.signal }), {
  prefix: '/v1',
})
const url = await app.listen({ host: '127.0.0.1', port: 0 })
await store.putCertificates(
  Array.from({ length: CERTIFICATES + 1 }, (_, at) => recordOf(at)),
  now,
)

const charge: ReadersCharge = {
  port: Number(new URL(url).port),
  readers: READERS,
  each: PER_READER,
}
// Once before: code is compiled and caches are filled by the first readers, whoever they are.
let readers = await begin()
readers.kill()
while ((await connections()) > 0) await wait(100)
const before = await memory()
readers = await begin()
const each = ((await memory()) - before) / READERS
line(
  `${READERS} readers, memory of the centre for each`,
  `${(each / 1024).toFixed(0)} kB`,
  'under 100',
)
await idle()
await singleChanges()
await drain()

readers.kill()
closing.abort()
await app.close()
await store[Symbol.asyncDispose]()
rmSync(folder, { recursive: true })

async function begin(): Promise<ChildProcess> {
  const child = fork(new URL('./_feed-readers.ts', import.meta.url))
  child.send(charge)
  await heard('current', child)
  return child
}

/** One staple at a time, which all readers have asked for. */
async function singleChanges(): Promise<void> {
  const delays: number[] = []
  for (let change = 0; change < SINGLE_CHANGES; change++) {
    await order({ kind: 'arrivals' })
    await store.complete(fingerprint(0), schedule, { staple: staple() })
    const stored = performance.timeOrigin + performance.now()
    feed.pulse()
    const report = await heard('arrivals')
    if (report.kind === 'arrivals') delays.push(...report.arrivals.map((at) => at - stored))
  }
  const sorted = delays.toSorted((a, b) => a - b)
  const at = (share: number) => `${(sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(0)} ms`
  line('from the store to a reader, one change for all readers, p50', at(0.5), '-')
  line('  p99', at(0.99), 'under 1 s')
}

/** A staple for each certificate, each of which one reader has asked for. */
async function drain(): Promise<void> {
  await order({ kind: 'drain', events: CERTIFICATES })
  const began = performance.now()
  const cpu = process.cpuUsage()
  const done = heard('drained')
  for (let at = 1; at <= CERTIFICATES; at += 1_000) {
    const ids = Array.from({ length: 1_000 }, (_, more) => fingerprint(at + more))
    await Promise.all(ids.map((id) => store.complete(id, schedule, { staple: staple() })))
    feed.pulse()
  }
  const stored = (performance.now() - began) / 1_000
  await done
  const seconds = (performance.now() - began) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  line(`${CERTIFICATES} changes stored`, `${Math.round(CERTIFICATES / stored)}/s`, '-')
  line('  and with the readers', `${Math.round(CERTIFICATES / seconds)}/s`, '-')
  line('  CPU of the centre for each', `${((user + system) / CERTIFICATES).toFixed(0)} us`, '-')
}

/** What readers cost that are told nothing but that all is as it was. */
async function idle(): Promise<void> {
  const began = performance.now()
  const cpu = process.cpuUsage()
  await wait(Number(process.env['BENCH_REST_MS'] ?? 30_000))
  const { user, system } = process.cpuUsage(cpu)
  const share = (user + system) / 1_000 / (performance.now() - began) / READERS
  line('  of one core, for each, while nothing changes', `${(share * 100).toFixed(4)} %`, '-')
}

function connections(): Promise<number> {
  return promisify(app.server.getConnections.bind(app.server))()
}

/** Of the heap and of buffers. The resident set does not tell: it holds what was needed once, and gives it to readers that come. */
async function memory(): Promise<number> {
  // What is collected may hold what can be collected only then.
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.()
    await wait(200)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function order(what: ReadersOrder): Promise<void> {
  readers.send(what)
  await heard('ready')
}

async function heard(
  kind: ReadersReport['kind'],
  from: ChildProcess = readers,
): Promise<ReadersReport> {
  while (true) {
    const [report] = (await once(from, 'message')) as [ReadersReport]
    if (report.kind === kind) return report
  }
}

function recordOf(number: number): CertificateRecord {
  return {
    id: fingerprint(number),
    der: new Uint8Array(900),
    issuer: undefined,
    name: `host-${number}.example.org`,
    sources: ['/bench'],
    classification: 'ocsp',
    mustStaple: false,
    notAfter: plus(now, 60 * DAY_MS),
    certIDKey: undefined,
    responder: 'http://ocsp.example.org',
  }
}

/** As large as one of RSA-2048. */
function staple(): StapleRecord {
  const der = new Uint8Array(500)
  const times = { producedAt: now, thisUpdate: plus(now, -HOUR_MS), nextUpdate: plus(now, DAY_MS) }
  const kept = { fetchedAt: now, servedFrom: now, usableUntil: plus(now, DAY_MS) }
  return { der, received: der, ...times, ...kept, url: 'http://ocsp.example.org' }
}

function line(what: string, figure: string, goal: string): void {
  console.log(`${what.padEnd(66)} ${figure.padStart(14)}   goal: ${goal}`)
}
