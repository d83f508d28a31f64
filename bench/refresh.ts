// How fast many certificates get their first staples, what one dead responder costs the others, and what a million certificates cost at rest.
//
//   npm run bench:refresh [-- cold slow silent rest]
//
// Read the ratios: both sides of each are measured in this run, in turns.
import { type ChildProcess, fork } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Pool } from 'undici'
import { classify, displayName } from '../src/certificates/classify.ts'
import type { Span } from '../src/der/reader.ts'
import { DAY_MS, HOUR_MS, plus } from '../src/der/time.ts'
import type { LabCertificate } from '../src/lab/ca.ts'
import { makeHierarchy } from '../src/lab/hierarchy.ts'
import { buildResponse } from '../src/lab/response-builder.ts'
import { defaultPolicy } from '../src/ocsp/policy.ts'
import { certID, encodeRequest } from '../src/ocsp/request.ts'
import { parseResponse } from '../src/ocsp/response.ts'
import { Crawler } from '../src/refresh/crawler.ts'
import { takeIn } from '../src/refresh/intake.ts'
import { parseAllowedAddresses } from '../src/responders/address-screen.ts'
import { getUrl } from '../src/responders/request-url.ts'
import { UndiciTransport } from '../src/responders/undici-transport.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { systemClock } from '../src/time/clock.ts'
import type { Charge } from './_static-responder.ts'

const COUNT = 10_000
const ROUNDS = 3
const CONNECTIONS = 128
const now = systemClock.now()
// RSA, as most public CAs sign.
const pki = makeHierarchy({ now })

interface Workload extends AsyncDisposable {
  readonly leaves: readonly LabCertificate[]
  /** By GET, of each leaf. */
  readonly urls: readonly string[]
}

interface Kind {
  readonly pause: number
  readonly silent: boolean
  readonly count: number
}

/** A responder of its own with certificates of its own. */
async function workload({ pause, silent, count }: Kind): Promise<Workload> {
  const child = fork(new URL('./_static-responder.ts', import.meta.url))
  // The port is known only when it listens, and the certificates name it; the answers are by path, which does not.
  const serials = Array.from({ length: count }, () => pki.issueLeaf())
  const answers = silent ? [] : serials.map(answerTo)
  child.send({ answers, pause, silent } satisfies Charge)
  const [port] = (await once(child, 'message')) as [number]
  const ocspUrls = [`http://127.0.0.1:${port}`]
  const leaves = serials.map(({ certificate }) =>
    pki.issueLeaf({ ocspUrls, serialNumber: certificate.serialNumber }),
  )
  const urls = leaves.map(({ certificate }) =>
    getUrl(ocspUrls[0] ?? '', encodeRequest(certID(certificate, pki.issuer.certificate))),
  )
  return { leaves, urls, [Symbol.asyncDispose]: () => end(child) }
}

function answerTo({ certificate }: LabCertificate): [string, string] {
  const { issuer } = pki
  const id = { certificate, issuer: issuer.certificate }
  const times = { thisUpdate: plus(now, -HOUR_MS), nextUpdate: plus(now, 7 * DAY_MS) }
  const body = buildResponse({ signer: issuer, responses: [{ certID: id, ...times }] })
  const path = getUrl('', encodeRequest(certID(certificate, issuer.certificate)))
  return [path, Buffer.from(body).toString('base64')]
}

async function end(child: ChildProcess): Promise<void> {
  child.kill()
  await once(child, 'exit')
}

/** Seconds until every URL was fetched, by undici alone, and what came was taken. */
async function bareUndici(
  { urls }: Workload,
  take: (body: Uint8Array, url: string) => void = () => {},
): Promise<number> {
  const [first = ''] = urls
  const { origin } = new URL(first)
  const pool = new Pool(origin, { connections: CONNECTIONS })
  const rest = urls.values()
  const began = performance.now()
  const fetchRest = async () => {
    for (const url of rest) {
      const { body } = await pool.request({ path: url.slice(origin.length), method: 'GET' })
      take(await body.bytes(), url)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, fetchRest))
  const seconds = (performance.now() - began) / 1_000
  await pool.destroy()
  return seconds
}

/** As {@link bareUndici}, with no more than a signature verified and a row written for each, durably for many at a time: what cannot be beaten. */
async function bareMinimum(fast: Workload): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'everstaple-bench-'))
  const database = new DatabaseSync(join(folder, 'bare.db'))
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE staple (url TEXT PRIMARY KEY, der BLOB) STRICT; BEGIN')
  const insert = database.prepare('INSERT INTO staple VALUES (?, ?)')
  const key = createPublicKey(pki.issuer.key)
  let count = 0
  const seconds = await bareUndici(fast, (body, url) => {
    const parsed = parseResponse(body)
    if ('kind' in parsed || parsed.basic === undefined) throw new Error('no response')
    const { tbsResponseData: signed, signature } = parsed.basic
    const at = ({ start, end }: Span) => body.subarray(start, end)
    if (!verify('sha256', at(signed), key, at(signature))) throw new Error('not signed')
    insert.run(url, body)
    count++
    if (count % CONNECTIONS === 0 || count === COUNT) {
      database.exec(count === COUNT ? 'COMMIT' : 'COMMIT; BEGIN')
    }
  })
  database.close()
  rmSync(folder, { recursive: true })
  return seconds
}

/** Seconds until every certificate of `counted` has its staple in SQLite, begun with all due at once. */
async function warmUp(counted: Workload, others: readonly Workload[] = []): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'everstaple-bench-'))
  const leaves = [counted, ...others].flatMap((each) => each.leaves)
  {
    await using before = await openSqliteStore({ folder })
    await takeIn(before, snapshotOf(leaves), now)
  }
  // As a service that was started with them: what taking them in leaves to be done is done.
  const store = await openSqliteStore({ folder })
  const allowed = parseAllowedAddresses(['127.0.0.0/8'])
  if ('kind' in allowed) throw new Error('the addresses cannot be read')
  const transport = new UndiciTransport({ clock: systemClock, allowed, version: 'bench' })
  const wanted = new Set(counted.leaves.map(({ certificate }) => certificate.fingerprint))
  const done = Promise.withResolvers<void>()
  const crawler = new Crawler({
    store,
    transport,
    clock: systemClock,
    random: Math.random,
    policy: defaultPolicy,
    limits: { total: 2 * CONNECTIONS, perResponder: CONNECTIONS, ratePerSecond: 100_000 },
    changed({ id }) {
      wanted.delete(id)
      if (wanted.size === 0) done.resolve()
    },
    events: {
      ...{ stapleStored() {}, stapleUnchanged() {}, staleEdge() {}, fetchFailed() {} },
      ...{ certificateRevoked() {}, responderAway() {}, responderBack() {}, clockDiffers() {} },
      storeFailed({ error }) {
        done.reject(error)
      },
    },
  })
  const stop = new AbortController()
  const began = performance.now()
  const running = crawler.run(stop.signal)
  await done.promise
  const seconds = (performance.now() - began) / 1_000
  stop.abort()
  await running
  await transport[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
  return seconds
}

function snapshotOf(leaves: readonly LabCertificate[]) {
  const { issuer } = pki
  const certificates = leaves.map(({ certificate }) => ({
    certificate,
    issuer: issuer.certificate,
    sources: ['/bench'],
    ...classify(certificate, issuer.certificate, now),
    name: displayName(certificate),
    mustStaple: false,
  }))
  return { certificates, problems: [], unreadable: [], changesAt: undefined }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function line(what: string, figure: string, goal: string): void {
  console.log(`${what.padEnd(66)} ${figure.padStart(14)}   goal: ${goal}`)
}

async function coldWarmUp(): Promise<void> {
  await using fast = await workload({ pause: 0, silent: false, count: COUNT })
  const bare: number[] = []
  const least: number[] = []
  const ours: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await bareUndici(fast))
    least.push(await bareMinimum(fast))
    ours.push(await warmUp(fast))
  }
  const [theirs, mine] = [COUNT / median(bare), COUNT / median(ours)]
  const limit = COUNT / median(least)
  line(`${COUNT} cold, bare undici, fetched`, `${Math.round(theirs)}/s`, '-')
  line(`${COUNT} cold, fetched, judged and in SQLite`, `${Math.round(mine)}/s`, '-')
  line('  of bare undici', (mine / theirs).toFixed(2), 'at least 0.50')
  line(`${COUNT} cold, with no more than crypto.verify and a row`, `${Math.round(limit)}/s`, '-')
  line('  of bare undici', (limit / theirs).toFixed(2), '-')
}

async function slowResponder(): Promise<void> {
  await using slow = await workload({ pause: 50, silent: false, count: COUNT })
  const bare = await bareUndici(slow)
  const ours = await warmUp(slow)
  line(`${COUNT} cold, 50 ms an answer, ${CONNECTIONS} connections, bare`, seconds(bare), '-')
  line('  the same into SQLite', seconds(ours), 'at most 6 s')
}

async function silentResponder(): Promise<void> {
  await using fast = await workload({ pause: 0, silent: false, count: COUNT })
  await using dead = await workload({ pause: 0, silent: true, count: COUNT })
  const alone: number[] = []
  const beside: number[] = []
  const again: number[] = []
  for (let round = 0; round < 2 * ROUNDS + 1; round++) {
    alone.push(await warmUp(fast))
    beside.push(await warmUp(fast, [dead]))
    again.push(await warmUp(fast))
  }
  const [without, withIt] = [median([...alone, ...again]), median(beside)]
  line(`${COUNT} cold, alone`, seconds(without), '-')
  line(`${COUNT} cold, beside ${COUNT} of a responder that never answers`, seconds(withIt), '-')
  line('  delayed by', percent(withIt / without - 1), 'less than 1 %')
  line(
    '  alone once more: what chance makes of it',
    percent(median(again) / median(alone) - 1),
    '-',
  )
}

async function atRest(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'everstaple-bench-'))
  const measure = async (count: number) => {
    const child = fork(new URL('./_at-rest.ts', import.meta.url), [folder, String(count)])
    const [figures] = (await once(child, 'message')) as [{ bytes: number; cpu: number }]
    await once(child, 'exit')
    return figures
  }
  const none = await measure(0)
  await measure(1_000_000)
  // Once more, as a service that has started with them: what taking them in needed is gone.
  const many = await measure(1_000_000)
  rmSync(folder, { recursive: true })
  const each = (many.bytes - none.bytes) / 1_000_000
  line(
    '1,000,000 scheduled, memory of the process for each',
    `${each.toFixed(0)} bytes`,
    'under 600',
  )
  line('  of one core while nothing is due', `${(many.cpu * 100).toFixed(2)} %`, 'under 1 %')
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function seconds(value: number): string {
  return `${value.toFixed(2)} s`
}

const parts = { cold: coldWarmUp, slow: slowResponder, silent: silentResponder, rest: atRest }
for (const [name, measure] of Object.entries(parts)) {
  if (process.argv.length === 2 || process.argv.includes(name)) await measure()
}
