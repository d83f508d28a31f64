import { describe, expect, it } from 'vitest'
import { SECOND_MS } from '../../src/der/time.ts'
import { silent } from '../../src/lab/faults/answers.ts'
import { type Responder, startResponder } from '../../src/lab/responder.ts'
import { defaultPolicy } from '../../src/ocsp/policy.ts'
import { found, localTransport, pki, snapshotOf, storeFolder } from '../../src/refresh/_setup.ts'
import { Crawler, type CrawlerEvents } from '../../src/refresh/crawler.ts'
import { takeIn } from '../../src/refresh/intake.ts'
import { systemClock } from '../../src/time/clock.ts'

const DEAD = 100_000

describe('a CA with 100,000 certificates that never answers', () => {
  it('takes neither time nor memory of the others', async () => {
    using folder = storeFolder()
    await using store = await folder.open()
    const now = systemClock.now()
    const clock = systemClock
    await using dead = await startResponder({ issuer: pki.issuer, clock, fault: silent })
    await using well = await startResponder({ issuer: pki.issuer, clock })
    const issue = ({ url }: Responder) => found(pki.issueLeaf({ ocspUrls: [url] }))
    const all = [issue(dead), ...Array.from({ length: 20 }, () => issue(well))]
    const [one, ...others] = (await takeIn(store, snapshotOf(all), now)).put
    await store.removeCertificates(others.map(({ id }) => id))
    const ids = Array.from({ length: DEAD }, (_, i) => i.toString(16).padStart(64, '0'))
    await store.putCertificates(
      ids.flatMap((id) => (one === undefined ? [] : { ...one, id, certIDKey: undefined })),
      now,
    )
    const stop = new AbortController()
    const stored = Promise.withResolvers<void>()
    let missing = others.length
    const crawler = new Crawler({
      ...{ store, clock, random: Math.random, policy: defaultPolicy, changed: () => {} },
      transport: localTransport(),
      limits: { total: 64, perResponder: 16, ratePerSecond: 200 },
      events: { ...quiet, stapleStored: () => --missing === 0 && stored.resolve() },
    })
    const ended = crawler.run(stop.signal)
    while (dead.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const since = clock.monotonic()
    await store.putCertificates(others, now)
    crawler.wake()
    await stored.promise
    expect(clock.monotonic() - since).toBeLessThan(2 * SECOND_MS)
    // Four fetches and as many claims, and what the others have not stored yet.
    expect(crawler.underWay).toBeLessThanOrEqual(8 + others.length)
    expect(dead.requests.length).toBeLessThanOrEqual(4)
    stop.abort()
    await ended
  }, 20_000)
})

const quiet: CrawlerEvents = {
  stapleStored: () => {},
  stapleUnchanged: () => {},
  fetchFailed: () => {},
  certificateRevoked: () => {},
  staleEdge: () => {},
  storeFailed: () => {},
  responderAway: () => {},
  responderBack: () => {},
  clockDiffers: () => {},
}
