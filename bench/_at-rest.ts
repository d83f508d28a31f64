// A service's crawler over so many scheduled certificates, of which none is due for a year: what it takes of memory and of a core.
import { setTimeout as wait } from 'node:timers/promises'
import { DAY_MS, plus } from '../src/der/time.ts'
import { defaultPolicy } from '../src/ocsp/policy.ts'
import { Crawler } from '../src/refresh/crawler.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { CertificateRecord, Store } from '../src/store/store.ts'
import { systemClock } from '../src/time/clock.ts'

const [folder = '', count = '0'] = process.argv.slice(2)
const later = plus(systemClock.now(), 365 * DAY_MS)
const store = await openSqliteStore({ folder })
if (Number(count) > 0 && (await store.nextDueAt()) === undefined) await fill(store, Number(count))

const stop = new AbortController()
const nobody = () => Promise.reject(new Error('nobody is to be asked'))
const crawler = new Crawler({
  store,
  transport: { send: nobody, [Symbol.asyncDispose]: async () => {} },
  clock: systemClock,
  random: Math.random,
  policy: defaultPolicy,
  limits: { total: 64, perResponder: 8, ratePerSecond: 200 },
  changed() {},
  events: {
    ...{ stapleStored() {}, stapleUnchanged() {}, staleEdge() {}, fetchFailed() {} },
    ...{ certificateRevoked() {}, responderAway() {}, responderBack() {}, clockDiffers() {} },
    storeFailed({ error }) {
      throw error
    },
  },
})
const running = crawler.run(stop.signal)
await wait(2_000)
const before = process.cpuUsage()
const [began, bytes] = [performance.now(), process.memoryUsage.rss()]
await wait(Number(process.env['BENCH_REST_MS'] ?? 60_000))
const { user, system } = process.cpuUsage(before)
const cpu = (user + system) / 1_000 / (performance.now() - began)
stop.abort()
await running
await store[Symbol.asyncDispose]()
process.send?.({ bytes: Math.max(bytes, process.memoryUsage.rss()), cpu })

async function fill(into: Store, certificates: number): Promise<void> {
  const page = 5_000
  for (let first = 0; first < certificates; first += page) {
    const records = Array.from({ length: page }, (_, i) => recordOf(first + i))
    await into.putCertificates(records, later)
  }
}

function recordOf(number: number): CertificateRecord {
  const id = number.toString(16).padStart(64, '0')
  return {
    id,
    der: Buffer.alloc(1_200, id),
    issuer: undefined,
    name: `${number}.bench.test`,
    sources: [`/bench/${number}.pem`],
    classification: 'ocsp',
    mustStaple: false,
    notAfter: later,
    certIDKey: id,
    responder: `http://${number % 100}.bench.test`,
  }
}
