import type { Config } from '../config/config.ts'
import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import type { CentreFollower } from '../edge/agent/centre-follower.ts'
import { Crawler } from '../refresh/crawler.ts'
import type { CertificateRecord, Store } from '../store/store.ts'
import type { ServiceWorld } from './running-service.ts'
import { transportFor } from './transport-for.ts'

/** What an agent fetches with. */
export interface FetchWhileAwayOptions {
  readonly config: Config
  readonly world: ServiceWorld
  readonly store: Store
  readonly follower: Pick<CentreFollower, 'awayFor'>
  /** Called after the staple of a certificate was stored or withdrawn. */
  readonly changed: (certificate: CertificateRecord) => void
}

/** Asks the CA for what is due while the centre is away. Runs until `stop` is aborted. */
export async function fetchWhileAway(
  { config, world, store, follower, changed }: FetchWhileAwayOptions,
  stop: AbortSignal,
): Promise<void> {
  const { clock } = world
  const isAway = () => (follower.awayFor ?? 0) >= PATIENCE
  await using transport = transportFor(config, clock)
  while (!stop.aborted) {
    await clock.sleep(LOOK_EVERY, stop)
    if (!isAway() || stop.aborted) continue
    const back = new AbortController()
    const crawler = new Crawler({
      ...{ ...world, store, transport, policy: config.policy, changed },
      limits: { ...config.responders.concurrency, ratePerSecond: config.responders.ratePerSecond },
    })
    const crawling = crawler.run(AbortSignal.any([stop, back.signal]))
    while (isAway() && !stop.aborted) await clock.sleep(LOOK_EVERY, stop)
    back.abort()
    await crawling
  }
}

/** A centre that is restarted is no reason to ask CAs. */
const PATIENCE: DurationMs = durationMs(MINUTE_MS)
const LOOK_EVERY: DurationMs = durationMs(SECOND_MS)
