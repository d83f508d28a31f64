import { hash } from 'node:crypto'
import { join } from 'node:path'
import { startAlerts } from '../alerts/alerts.ts'
import { isWithin, sourcesWithin } from '../certificates/source.ts'
import type { Config } from '../config/config.ts'
import type { LocalOutputs } from '../edge/local-outputs.ts'
import { probeMetrics } from '../probe/probe-metrics.ts'
import type { ServerWatch } from '../probe/server-watch.ts'
import { Crawler } from '../refresh/crawler.ts'
import { isGiven } from '../refresh/intake.ts'
import { IssuerSearch } from '../refresh/issuer-search.ts'
import type { Transport } from '../responders/transport.ts'
import type { ApiSource } from '../serve/api/api.ts'
import { EdgeWatch } from '../serve/edge-watch.ts'
import { openExpectStapleCollector } from '../serve/expect-staple/collector.ts'
import { ChangeFeed } from '../serve/feed.ts'
import { type HttpListener, startHttp } from '../serve/http.ts'
import { metricsText } from '../serve/metrics-text.ts'
import { TOKEN_FILE, TokenFile } from '../serve/tokens.ts'
import { openPatientStore } from '../store/patient-store.ts'
import type { CertificateRecord, Store } from '../store/store.ts'
import { VerifiedStaples } from '../store/verified-staples.ts'
import { type CertificateIntake, certificateIntake } from './certificate-intake.ts'
import { keepHouse } from './housekeeping.ts'
import { listening } from './listening.ts'
import { localOutputsOf, startOutputs } from './local-outputs-of.ts'
import { runTogether } from './run-together.ts'
import { running, type Service, type ServiceWorld } from './running-service.ts'
import { serverWatchOf } from './server-watch-of.ts'
import { serviceMetrics } from './service-metrics.ts'
import { transportFor } from './transport-for.ts'

/** Starts all that one process does (docs/architecture.md). Throws `StoreError`, `ListenError`, `TlsFilesError` or `WebhookSecretError` where it cannot start. */
export async function startService(config: Config, world: ServiceWorld): Promise<Service> {
  await using parts = new AsyncDisposableStack()
  const { clock, events } = world
  const store = parts.use(await openPatientStore({ folder: config.data, clock, events }))
  const transport = parts.use(transportFor(config, clock))
  const staples = new VerifiedStaples({ store, clock, policy: config.policy, events })
  const outputs = parts.use(localOutputsOf({ config, store, staples, clock, events }))
  const { alerts: settings, policy } = config
  const alerts = parts.use(await startAlerts({ ...world, alerts: settings, policy, store }))
  const watched = { ...world, events: alerts.watch(events) }
  const feed = new ChangeFeed({
    store,
    clock,
    tagsOf: (certificate) => tagsOf(certificate, config.tags),
    tagsVersion: hash('sha256', JSON.stringify(config.tags)).slice(0, 8),
  })
  const made = { config, world: watched, store, transport, staples, outputs, feed }
  const engine = makeEngine(made)
  const folder = config.data
  const expectStaple = parts.use(
    await openExpectStapleCollector({ folder, store, policy, clock, events }),
  )
  const http: HttpListener = parts.use(
    await startHttp({
      ...listening(config, { staples, events }),
      staples,
      readiness: { readiness: () => store.coverage(clock.now()) },
      metrics: { metrics: () => metricsOf(made, engine) },
      api: apiSource(made, engine),
      expectStaple,
      clock,
      events,
    }),
  )
  events.serviceStarted({ url: http.url, ocspUrl: http.ocspUrl, data: config.data })
  return running(parts.move(), { url: http.url, store, world }, (stop) =>
    runLoops(made, engine, stop),
  )
}

/** Of the files that a certificate stands in. */
function tagsOf({ sources }: CertificateRecord, tags: Config['tags']): readonly string[] {
  return Object.entries(tags).flatMap(([tag, paths]) =>
    sourcesWithin(paths, sources).length > 0 ? [tag] : [],
  )
}

interface Parts {
  readonly config: Config
  readonly world: ServiceWorld
  readonly store: Store
  readonly transport: Transport
  readonly staples: VerifiedStaples
  readonly outputs: LocalOutputs
  readonly feed: ChangeFeed
}

/** What does the work, when its loops run. */
interface Engine extends CertificateIntake {
  readonly crawler: Crawler
  readonly issuers: IssuerSearch
  readonly servers: ServerWatch
  readonly edges: EdgeWatch
}

function makeEngine({ config, world, store, transport, staples, outputs, feed }: Parts): Engine {
  const changed = (certificate: CertificateRecord) => {
    staples.forget(certificate.id)
    feed.pulse()
    // The servers of this machine do not have it yet, and a path of its may be that of the one that they have.
    if (!isGiven(certificate.sources)) void outputs.update(certificate)
  }
  const crawler = new Crawler({
    ...world,
    store,
    transport,
    policy: config.policy,
    limits: {
      ...config.responders.concurrency,
      ratePerSecond: config.responders.ratePerSecond,
    },
    changed,
  })
  const issuers = new IssuerSearch({ ...world, store, transport, found: () => crawler.wake() })
  const paths = config.certificates
  const intake = certificateIntake({ ...world, paths, store, issuers, crawler, changed })
  const servers = serverWatchOf(config, { ...world, store })
  return { crawler, issuers, servers, edges: new EdgeWatch({ ...world, store }), ...intake }
}

async function metricsOf(
  { store, world }: Parts,
  { crawler, servers, edges }: Engine,
): Promise<string> {
  const coverage = await store.responderCoverage(world.clock.now())
  const responders = await store.responders()
  const state = { coverage, responders, underWay: crawler.underWay, edges: edges.counts }
  return metricsText([...serviceMetrics(state), ...probeMetrics(servers.tally)])
}

function apiSource(
  { config, world, store, staples, outputs, feed }: Parts,
  { given }: Engine,
): ApiSource {
  return {
    ...{ store, staples, given, feed, clock: world.clock },
    tokens: new TokenFile(join(config.data, TOKEN_FILE)),
    isWatched: (path) => config.certificates.some((watched) => isWithin(path, watched)),
    outputs: {
      async settled(id) {
        const entry = await store.entry({ id })
        if (entry !== undefined) await outputs.update(entry.certificate)
        return outputs.settled(id)
      },
    },
  }
}

async function runLoops(
  parts: Parts,
  { crawler, issuers, follower, given, servers, edges }: Engine,
  signal: AbortSignal,
): Promise<void> {
  const { world, store, outputs } = parts
  const isRoundDone = async () => {
    if (!follower.hasTaken || crawler.underWay > 0) return false
    const next = await store.nextDueAt()
    return next === undefined || next > world.clock.now()
  }
  const loops = [
    async (stop: AbortSignal) => {
      // Before a snapshot tells what has no staple: a new certificate may have the path of one whose staple is there.
      await startOutputs(outputs, { ...world, store }, stop)
      await follower.run(stop)
    },
    (stop: AbortSignal) => crawler.run(stop),
    (stop: AbortSignal) => issuers.run(stop),
    (stop: AbortSignal) => given.run(stop),
    (stop: AbortSignal) => servers.run(stop),
    (stop: AbortSignal) => edges.run(stop),
    (stop: AbortSignal) => keepHouse({ ...world, store, outputs, isRoundDone }, stop),
  ]
  await runTogether(loops, signal)
}
