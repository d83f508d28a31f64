import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, HOUR_MS, iso, MINUTE_MS, plus, SECOND_MS } from '../der/time.ts'
import type { Lie } from '../lab/authority.ts'
import type { LabCertificate } from '../lab/ca.ts'
import { httpError, lying, ocspError, silent } from '../lab/faults/answers.ts'
import type { Fault } from '../lab/faults/fault.ts'
import { type Responder, startResponder } from '../lab/responder.ts'
import type { CertStatusKnob } from '../lab/response-builder.ts'
import { judge } from '../ocsp/judge.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { unknownHabits } from '../responders/cadence.ts'
import type { UndiciTransport } from '../responders/undici-transport.ts'
import type { Entry, Store } from '../store/store.ts'
import { formatDuration } from '../time/duration.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { found, localTransport, pki, snapshotOf, start, storeFolder, until } from './_setup.ts'
import { Crawler, type CrawlerOptions } from './crawler.ts'
import { takeIn } from './intake.ts'

let folder: ReturnType<typeof storeFolder>
let store: Store
let clock: SimulatedClock
let responder: Responder
let leaf: LabCertificate
let transport: UndiciTransport
let log: string[]
let crawler: Crawler
let ended: Promise<void>
let stop: AbortController

beforeEach(async () => {
  folder = storeFolder()
  store = await folder.open()
  clock = new SimulatedClock(start)
  transport = localTransport()
  responder = await respond()
  leaf = pki.issueLeaf({ ocspUrls: [responder.url] })
  log = []
})
afterEach(async () => {
  stop?.abort()
  await ended
  await transport[Symbol.asyncDispose]()
  await responder[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const REVOKED: CertStatusKnob = { revokedAt: plus(start, -HOUR_MS) }

describe('the crawler', () => {
  it('fetches a new certificate at once, and again at a quarter of its usable life', async () => {
    await manage(leaf)
    crawl()
    await heard('stored')
    const { staple, schedule } = await entryOf(leaf)
    expect(staple?.thisUpdate).toBeLessThanOrEqual(start)
    expect(schedule).toMatchObject({
      attempts: 0,
      lastError: undefined,
      reason: 'a quarter of usable life',
    })
    await pass(DAY_MS + HOUR_MS)
    await heard('stored', 2)
    expect((await entryOf(leaf)).staple?.thisUpdate).toBeGreaterThan(staple?.thisUpdate ?? 0)
  })

  const worse: readonly (readonly [string, Fault, RegExp])[] = [
    ['an older one', lying(shifted(-2 * DAY_MS)), /^stale edge: /],
    ['tryLater', ocspError(3), /^failed: the responder says tryLater; covered$/],
    ['an HTTP error', httpError(500), /^failed: HTTP status 500; covered$/],
    ['unauthorized', ocspError(6), /^failed: the responder says unauthorized; covered$/],
    ['an expired one', lying(shifted(-9 * DAY_MS)), /^failed: .*; covered$/],
    ['unknown', lying(saying('unknown')), /^failed: status-unknown: .*; covered$/],
  ]
  it.each(worse)('does not replace a good staple by %s', async (_, fault, line) => {
    await manage(leaf)
    crawl()
    await heard('stored')
    const before = (await entryOf(leaf)).staple
    responder.setFault(fault)
    await pass(DAY_MS + HOUR_MS)
    await seen(() => log.length > 1)
    expect(log[1]).toMatch(line)
    expect((await entryOf(leaf)).staple).toEqual(before)
  })

  it('withdraws the staple of a revoked certificate when a second connection has said so', async () => {
    await manage(leaf)
    crawl()
    await heard('stored')
    responder.setFault(lying(saying(REVOKED)))
    const asked = responder.requests.length
    await pass(DAY_MS + HOUR_MS)
    await heard('revoked')
    const connections = responder.requests.slice(asked).map(({ remotePort }) => remotePort)
    expect(new Set(connections).size).toBeGreaterThan(1)
    const { staple, schedule } = await entryOf(leaf)
    expect(staple).toBeUndefined()
    expect(judgeStored(schedule?.revocation, 'staple')).toBe('revoked')
    expect(log.at(-1)).toMatch(/^revoked: status-revoked: saw revoked at /)
  })

  it('staples a confirmed revocation where the policy says so, and what is good again', async () => {
    await manage(leaf)
    crawl({ policy: { ...defaultPolicy, revoked: 'staple' } })
    await heard('stored')
    responder.setFault(lying(saying(REVOKED)))
    await pass(DAY_MS + HOUR_MS)
    await heard('revoked')
    const { staple, schedule } = await entryOf(leaf)
    expect(judgeStored(staple?.der, 'staple')).toBe('revoked')
    expect(judgeStored(staple?.der, 'withdraw')).toBeUndefined()
    expect(schedule?.lastError).toBeUndefined()
    expect(schedule?.revocation).toEqual(staple?.der)
    responder.setFault(undefined)
    await pass(2 * DAY_MS)
    await heard('stored', 3)
    expect(judgeStored((await entryOf(leaf)).staple?.der, 'withdraw')).toBe('good')
  })

  it('does not take a good response that is older than the one that said revoked', async () => {
    await manage(leaf)
    crawl()
    await heard('stored')
    responder.setFault(lying(saying(REVOKED)))
    await pass(DAY_MS + HOUR_MS)
    await heard('revoked')
    responder.setFault(lying(shifted(HOUR_MS)))
    await pass(DAY_MS)
    await heard('failed')
    expect(log.at(-1)).toMatch(/good as of .*, but revoked as of .*: an old answer; NOT covered$/)
    responder.setFault(undefined)
    await pass(DAY_MS)
    await heard('stored', 2)
    expect((await entryOf(leaf)).schedule?.revokedAsOf).toBeUndefined()
  })

  it('does not believe one answer that says revoked, and asks again soon', async () => {
    await manage(leaf)
    crawl()
    await heard('stored')
    let lies = 0
    responder.setFault((exchange) =>
      lies++ === 0
        ? exchange.answer(saying(REVOKED))
        : { statusCode: 503, headers: {}, body: new Uint8Array() },
    )
    await pass(DAY_MS + HOUR_MS)
    await heard('failed')
    expect(log.at(-1)).toMatch(/by one answer only: .*; covered$/)
    const { staple, schedule } = await entryOf(leaf)
    expect(staple).toBeDefined()
    expect((schedule?.dueAt ?? 0) - clock.now()).toBeLessThanOrEqual(HOUR_MS)
  })

  it('does not take a response that is past its use, and does not ask without pause', async () => {
    // Two minutes of four days are left: less than the margin that is kept for clients whose clocks are ahead.
    responder.setFault(lying(shifted(-4 * DAY_MS + 2 * MINUTE_MS)))
    await manage(leaf)
    crawl()
    await heard('failed')
    expect(log[0]).toMatch(/^failed: the response is usable until .* only.*; NOT covered$/)
    for (let second = 0; second < 60; second++) {
      await until(() => clock.sleeping > 0 && crawler.underWay === 0)
      await clock.advance(durationMs(SECOND_MS))
    }
    // Three attempts of three requests each, as another connection may have something better.
    expect(responder.requests.length).toBeLessThan(10)
    expect((await entryOf(leaf)).staple).toBeUndefined()
  })

  it('calls it a failure when the CA has nothing newer in the last tenth of the life', async () => {
    responder.setFault(lying(shifted(-4 * DAY_MS + 6 * HOUR_MS)))
    await manage(leaf)
    crawl()
    await heard('stored')
    await pass(3 * HOUR_MS)
    await heard('failed')
    expect(log[1]).toMatch(/^failed: the CA has nothing newer than the staple in hand/)
  })

  it('is not held up by a responder that never answers', async () => {
    await using other = await respond(silent)
    const silentOnes = Array.from({ length: 4 }, () => pki.issueLeaf({ ocspUrls: [other.url] }))
    await manage(...silentOnes)
    crawl({ limits: { total: 4, perResponder: 2, ratePerSecond: 100 } })
    await until(() => other.requests.length === 2)
    await manage(...silentOnes, leaf)
    crawler.wake()
    await heard('stored')
    expect(other.requests).toHaveLength(2)
  })

  it('gives up a URL at which nobody has answered for a week, and still asks daily', async () => {
    responder.setFault(httpError(404))
    const { origin } = new URL(responder.url)
    const health = { state: 'closed', since: start } as const
    const goneSince = plus(start, -7 * DAY_MS)
    await store.putResponder({ responder: origin, habits: unknownHabits, health, goneSince })
    await manage(leaf)
    crawl()
    await heard('failed')
    expect(log[0]).toBe(
      `failed: HTTP status 404, as to all requests since ${iso(goneSince)}: the CA may have ended OCSP; NOT covered`,
    )
    responder.setFault(undefined)
    await pass(DAY_MS)
    await heard('stored')
  })

  it('keeps its retry state over a restart', async () => {
    responder.setFault(httpError(503))
    await manage(leaf)
    crawl()
    await heard('failed')
    await pass(10 * SECOND_MS)
    await heard('failed', 2)
    const before = await entryOf(leaf)
    await restart()
    expect(await entryOf(leaf)).toEqual(before)
    expect(before.schedule).toMatchObject({ attempts: 2, lastError: 'HTTP status 503' })
    await pass(20 * SECOND_MS)
    await heard('failed', 3)
    expect((await entryOf(leaf)).schedule?.attempts).toBe(3)
  })

  it('gives back what it was fetching when it is stopped', async () => {
    responder.setFault(silent)
    await manage(leaf)
    crawl()
    await until(() => responder.requests.length === 1)
    expect((await entryOf(leaf)).schedule?.reason).toBe('being fetched')
    stop.abort()
    await ended
    expect((await entryOf(leaf)).schedule).toMatchObject({
      dueAt: start,
      attempts: 0,
      reason: 'new certificate',
    })
    expect(log).toEqual([])
  })

  it('has the next one claimed for the place that gets free, and gives it back when it is stopped', async () => {
    responder.setFault(silent)
    const leaves = Array.from({ length: 3 }, () => pki.issueLeaf({ ocspUrls: [responder.url] }))
    await manage(...leaves)
    const reasons = async () => {
      const entries = await Promise.all(leaves.map(entryOf))
      return entries.map(({ schedule }) => String(schedule?.reason)).sort()
    }
    crawl({ limits: { total: 8, perResponder: 1, ratePerSecond: 100 } })
    await until(() => responder.requests.length === 1)
    expect(await reasons()).toEqual(['being fetched', 'being fetched', 'new certificate'])
    stop.abort()
    await ended
    expect(await reasons()).toEqual(['new certificate', 'new certificate', 'new certificate'])
    expect(responder.requests).toHaveLength(1)
  })

  it('asks at once what a clock that ran ahead has planned', async () => {
    clock.stepWallClock(30 * DAY_MS)
    responder.setFault(httpError(503))
    await manage(leaf)
    crawl()
    await heard('failed')
    responder.setFault(undefined)
    clock.stepWallClock(-30 * DAY_MS)
    await pass(MINUTE_MS)
    await heard('stored')
  })

  it('forgets what it fetches for a certificate that was removed meanwhile', async () => {
    const gate = Promise.withResolvers<void>()
    responder.setFault(async ({ answer }) => {
      await gate.promise
      return answer()
    })
    await manage(leaf)
    crawl()
    await until(() => responder.requests.length === 1)
    await manage()
    gate.resolve()
    await until(() => crawler.underWay === 0)
    expect(await store.entry({ id: leaf.certificate.fingerprint })).toBeUndefined()
  })

  it('ends with the error when the program is wrong', async () => {
    await manage(leaf)
    crawl({
      changed: () => {
        throw new Error('a bug')
      },
    })
    await expect(ended).rejects.toThrow('a bug')
    ended = Promise.resolve()
  })
})

function crawl(changes: Partial<CrawlerOptions> = {}): void {
  stop = new AbortController()
  crawler = new Crawler({
    store,
    transport,
    clock,
    random: () => 0.5,
    policy: defaultPolicy,
    limits: { total: 8, perResponder: 4, ratePerSecond: 100 },
    changed: () => {},
    events: {
      stapleStored: () => log.push('stored'),
      stapleUnchanged: () => log.push('unchanged'),
      fetchFailed: ({ problem, coveredUntil }) =>
        log.push(`failed: ${problem}; ${coveredUntil === undefined ? 'NOT covered' : 'covered'}`),
      certificateRevoked: ({ problem }) => log.push(`revoked: ${problem}`),
      staleEdge: ({ thisUpdate }) => log.push(`stale edge: ${iso(thisUpdate)}`),
      responderAway: () => log.push('away'),
      responderBack: () => log.push('back'),
      clockDiffers: ({ ahead }) => log.push(`clock: ${formatDuration(ahead)}`),
      storeFailed: ({ error }) => log.push(`store: ${String(error)}`),
    },
    ...changes,
  })
  ended = crawler.run(stop.signal)
}

async function restart(): Promise<void> {
  stop.abort()
  await ended
  await store[Symbol.asyncDispose]()
  store = await folder.open()
  crawl()
}

async function manage(...leaves: LabCertificate[]): Promise<void> {
  await takeIn(store, snapshotOf(leaves.map((each) => found(each))), clock.now())
}

async function pass(duration: number): Promise<void> {
  await until(() => clock.sleeping > 0)
  await clock.advance(durationMs(duration))
}

function heard(start: string, times = 1): Promise<void> {
  return seen(() => log.filter((line) => line.startsWith(start)).length >= times)
}

/** Lets time go on while the crawler rests, as it may have looked at the clock a moment before it was moved. */
async function seen(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await until(() => isSo() || (clock.sleeping > 0 && crawler.underWay === 0))
    if (!isSo()) await clock.advance(durationMs(50))
  }
}

async function entryOf({ certificate }: LabCertificate): Promise<Entry> {
  const entry = await store.entry({ id: certificate.fingerprint })
  if (entry === undefined) throw new Error('the certificate is not in the store')
  return entry
}

function respond(fault?: Fault): Promise<Responder> {
  return startResponder({
    issuer: pki.issuer,
    clock,
    validity: durationMs(4 * DAY_MS),
    renewEvery: durationMs(HOUR_MS),
    ...(fault && { fault }),
  })
}

/** The same answer at every moment, made so long before or after the start. */
function shifted(by: number): Lie {
  const thisUpdate = plus(start, by)
  const times = { thisUpdate, nextUpdate: plus(thisUpdate, 4 * DAY_MS) }
  return (honest) => ({
    ...honest,
    responses: honest.responses.map((each) => ({ ...each, ...times })),
  })
}

/** What a stored staple says, judged by a policy; `undefined` where it refuses it. */
function judgeStored(der: Uint8Array | undefined, revoked: 'staple' | 'withdraw') {
  const verdict = judge({
    response: der ?? new Uint8Array(),
    certificate: leaf.certificate,
    issuer: pki.issuer.certificate,
    now: clock.now(),
    policy: { ...defaultPolicy, revoked },
  })
  return verdict.accepted ? verdict.staple.status : undefined
}

function saying(certStatus: CertStatusKnob): Lie {
  return (honest) => ({
    ...honest,
    responses: honest.responses.map((each) => ({ ...each, certStatus })),
  })
}
