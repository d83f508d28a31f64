import { watchCertificates } from '../certificates/folder.ts'
import type { Snapshot, SourceProblem } from '../certificates/source.ts'
import type { Config } from '../config/config.ts'
import { type DurationMs, durationMs, HOUR_MS, MINUTE_MS } from '../der/time.ts'
import { LocalOutputs } from '../edge/local-outputs.ts'
import type { Events } from '../events.ts'
import { Crawler } from '../refresh/crawler.ts'
import { takeIn } from '../refresh/intake.ts'
import { IssuerSearch } from '../refresh/issuer-search.ts'
import { noneAllowed, parseAllowedAddresses } from '../responders/address-screen.ts'
import type { Transport } from '../responders/transport.ts'
import { UndiciTransport } from '../responders/undici-transport.ts'
import { type HttpListener, startHttp } from '../serve/http.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { CertificateRecord, Coverage, Store } from '../store/store.ts'
import { VerifiedStaples } from '../store/verified-staples.ts'
import type { Clock, Random } from '../time/clock.ts'
import { version } from '../version.ts'

/** What the service takes from the world. */
export interface ServiceWorld {
  readonly clock: Clock
  readonly random: Random
  readonly events: Events
}

/** A running service. Disposing of it ends fetches under way, closes the listener, runs pending reloads and closes the store. */
export interface Service extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:8888`. */
  readonly url: string
  readonly store: Store
  coverage(): Promise<Coverage>
  /** Settles when the service ends; rejects when a part of it has failed for good. */
  readonly ended: Promise<void>
}

/** Starts all that one process does (docs/architecture.md). Throws `StoreError` or `ListenError` where it cannot start. */
export async function startService(config: Config, world: ServiceWorld): Promise<Service> {
  await using parts = new AsyncDisposableStack()
  const { clock, events } = world
  const store = parts.use(await openSqliteStore({ folder: config.data }))
  const transport = parts.use(transportFor(config, clock))
  const staples = new VerifiedStaples({ store, clock, policy: config.policy, events })
  const outputs = parts.use(new LocalOutputs({ outputs: config.outputs, staples, clock, events }))
  const http: HttpListener = parts.use(
    await startHttp({
      listen: config.listen,
      staples,
      readiness: { readiness: () => store.coverage(clock.now()) },
      clock,
      events,
    }),
  )
  events.serviceStarted({ url: http.url, data: config.data })
  const stop = new AbortController()
  const loops = runLoops({ config, world, store, transport, staples, outputs }, stop.signal)
  const kept = parts.move()
  return {
    url: http.url,
    store,
    coverage: () => store.coverage(clock.now()),
    ended: loops,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await loops.catch(() => {})
      await kept.disposeAsync()
      events.serviceStopped()
    },
  }
}

/** The transport that the configuration asks for. */
export function transportFor(
  { responders }: Pick<Config, 'responders'>,
  clock: Clock,
): Transport & AsyncDisposable {
  const allowed = parseAllowedAddresses(responders.allowAddresses)
  return new UndiciTransport({ clock, allowed: 'kind' in allowed ? noneAllowed : allowed, version })
}

interface Parts {
  readonly config: Config
  readonly world: ServiceWorld
  readonly store: Store
  readonly transport: Transport
  readonly staples: VerifiedStaples
  readonly outputs: LocalOutputs
}

async function runLoops(parts: Parts, signal: AbortSignal): Promise<void> {
  const { config, world, store, transport, staples, outputs } = parts
  const { events } = world
  const update = (certificate: CertificateRecord) => {
    staples.forget(certificate.id)
    outputs.update(certificate).catch((error: unknown) => events.storeFailed({ error }))
  }
  const crawler = new Crawler({
    ...world,
    store,
    transport,
    policy: config.policy,
    concurrency: config.responders.concurrency,
    changed: update,
  })
  const issuers = new IssuerSearch({ ...world, store, transport, found: () => crawler.wake() })
  await startOutputs(parts)
  await Promise.all([
    followSources(parts, { crawler, issuers }, signal),
    crawler.run(signal),
    issuers.run(signal),
    keepHouse(parts, signal),
  ])
}

async function startOutputs({ store, outputs, world }: Parts): Promise<void> {
  async function* certificates() {
    for await (const { certificate } of store.entries()) {
      if (certificate.certIDKey !== undefined) yield certificate
    }
  }
  try {
    await outputs.updateAll(certificates())
  } catch (error) {
    world.events.storeFailed({ error })
  }
}

/** Follows files and folders for as long as the service runs. */
async function followSources(
  parts: Parts,
  { crawler, issuers }: { crawler: Crawler; issuers: IssuerSearch },
  signal: AbortSignal,
): Promise<void> {
  const { config, world, store, staples, outputs } = parts
  let told: readonly SourceProblem[] = []
  const take = async (snapshot: Snapshot) => {
    const changes = await takeIn(store, snapshot, world.clock.now())
    world.events.certificatesChanged(changes)
    for (const problem of snapshot.problems) {
      if (!told.some((old) => isSameProblem(old, problem))) world.events.sourceProblem(problem)
    }
    told = snapshot.problems
    for (const certificate of changes.removed) {
      staples.forget(certificate.id)
      await outputs.remove(certificate)
    }
    for (const certificate of changes.put) await outputs.update(certificate)
    issuers.want(changes.orphans)
    crawler.wake()
  }
  for await (const snapshot of watchCertificates({
    paths: config.certificates,
    clock: world.clock,
    signal,
  })) {
    while (!signal.aborted) {
      try {
        await take(snapshot)
        break
      } catch (error) {
        world.events.storeFailed({ error })
        await world.clock.sleep(RETRY_STORE, signal)
      }
    }
  }
}

/** What is done every minute: outputs swept; every hour, or as soon as coverage changes: a summary. */
async function keepHouse({ store, outputs, world }: Parts, signal: AbortSignal): Promise<void> {
  const { clock, events } = world
  let toldAt = clock.monotonic()
  let toldCoverage = ''
  while (!signal.aborted) {
    await clock.sleep(SWEEP_EVERY, signal)
    if (signal.aborted) return
    try {
      await outputs.sweep()
      const coverage = await store.coverage(clock.now())
      const text = JSON.stringify(coverage)
      if (text === toldCoverage && clock.monotonic() - toldAt < SUMMARY_EVERY) continue
      events.summary({ coverage, next: await store.nextDueAt() })
      toldCoverage = text
      toldAt = clock.monotonic()
    } catch (error) {
      events.storeFailed({ error })
    }
  }
}

function isSameProblem(a: SourceProblem, b: SourceProblem): boolean {
  return a.path === b.path && a.problem === b.problem
}

const SWEEP_EVERY: DurationMs = durationMs(MINUTE_MS)
const SUMMARY_EVERY: DurationMs = durationMs(HOUR_MS)
const RETRY_STORE: DurationMs = durationMs(5_000)
