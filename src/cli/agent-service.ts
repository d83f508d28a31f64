import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { CentreFollower } from '../edge/agent/centre-follower.ts'
import { EdgeReporter } from '../edge/agent/edge-reporter.ts'
import { HttpCentre, type HttpCentreOptions } from '../edge/agent/http-centre.ts'
import { Offers } from '../edge/agent/offer.ts'
import { WhereaboutsFile } from '../edge/agent/whereabouts-file.ts'
import type { LocalOutputs } from '../edge/local-outputs.ts'
import { startHttp } from '../serve/http.ts'
import { openPatientStore } from '../store/patient-store.ts'
import type { CertificateRecord, Store } from '../store/store.ts'
import { VerifiedStaples } from '../store/verified-staples.ts'
import { version } from '../version.ts'
import { certificateIntake } from './certificate-intake.ts'
import { keepHouse } from './housekeeping.ts'
import { listening } from './listening.ts'
import { localOutputsOf, startOutputs } from './local-outputs-of.ts'
import { runTogether } from './run-together.ts'
import { running, type Service, type ServiceWorld } from './running-service.ts'
import { serverWatchOf } from './server-watch-of.ts'

/** What an agent is to do. */
export interface AgentSettings extends Omit<HttpCentreOptions, 'clock' | 'silentAtMost'> {
  /** What the edge calls itself. Default: the host name. */
  readonly name: string | undefined
  /** Whether certificates that the centre does not manage are offered to it. */
  readonly register: boolean
  /** Whether the CA is asked directly while the centre is away and less than a quarter of a life is left. */
  readonly fallback: 'none' | 'direct'
}

/**
 * Starts all that an edge does: what the service does, but that staples come from the feed of a centre. Throws `StoreError`, `ListenError`
 * or `TlsFilesError` where it cannot start.
 */
export async function startAgent(
  config: Config,
  settings: AgentSettings,
  world: ServiceWorld,
): Promise<Service> {
  await using parts = new AsyncDisposableStack()
  const { clock, events } = world
  const store = parts.use(
    await openPatientStore({ folder: config.data, size: 'small', clock, events }),
  )
  const { policy } = config
  const cacheSize = STAPLES_IN_MEMORY
  const staples = new VerifiedStaples({ store, clock, policy, events, cacheSize })
  const centre = parts.use(new HttpCentre({ ...settings, clock }))
  const edge = settings.name ?? hostname()
  const feed = { isThere: false }
  const reporter = new EdgeReporter({
    ...{ edge, version, centre, store, staples, clock },
    events: {
      reportFailed(event) {
        // While the feed is away it says why; all is reported when it is back.
        if (feed.isThere) events.reportFailed(event)
      },
    },
  })
  const outputs = parts.use(
    localOutputsOf({
      ...{ config, staples, clock, events },
      store: {
        ...store,
        async putOutputStates(id, states) {
          await store.putOutputStates(id, states)
          reporter.changed(id)
        },
      },
    }),
  )
  const readiness = { readiness: () => store.coverage(clock.now()) }
  const http = parts.use(
    await startHttp({
      ...listening(config, { staples, events }),
      ...{ staples, readiness, clock, events },
    }),
  )
  events.serviceStarted({ url: http.url, ocspUrl: http.ocspUrl, data: config.data })
  const made = { config, settings, world, store, staples, outputs, centre, feed, reporter }
  return running(parts.move(), { url: http.url, store, world }, (stop) => runLoops(made, stop))
}

interface Parts {
  readonly config: Config
  readonly settings: AgentSettings
  readonly world: ServiceWorld
  readonly store: Store
  readonly staples: VerifiedStaples
  readonly outputs: LocalOutputs
  readonly centre: HttpCentre
  /** Written here alone: whether the feed of the centre is followed at the moment. */
  readonly feed: { isThere: boolean }
  readonly reporter: EdgeReporter
}

async function runLoops(parts: Parts, signal: AbortSignal): Promise<void> {
  const { config, settings, world, store, staples, outputs, centre, feed, reporter } = parts
  const { clock, events } = world
  const changed = (certificate: CertificateRecord) => {
    staples.forget(certificate.id)
    void outputs.update(certificate).then(async () => {
      await outputs.settled(certificate.id)
      reporter.changed(certificate.id)
    })
  }
  const offers = new Offers({ centre, clock, events })
  const follower = new CentreFollower({
    ...{ ...world, store, centre, policy: config.policy, changed },
    whereabouts: new WhereaboutsFile(join(config.data, WHEREABOUTS_FILE)),
    events: {
      ...events,
      centreReached(event) {
        feed.isThere = true
        events.centreReached(event)
        reporter.tellAll()
      },
      centreAway(event) {
        feed.isThere = false
        events.centreAway(event)
      },
      notManaged(event) {
        events.notManaged({ ...event, isOffered: settings.register })
        if (settings.register) offers.offer(event.certificates)
      },
    },
  })
  const { follower: files, given } = certificateIntake({
    ...{ ...world, paths: config.certificates, store, changed },
    // An edge may have no route to the CA; whoever wants its certificates managed gives their issuers along.
    issuers: { want() {} },
    crawler: {
      wake() {
        follower.refresh()
        reporter.tellAll()
      },
    },
  })
  const watch = serverWatchOf(config, { ...world, store })
  await runTogether(
    [
      async (stop) => {
        await startOutputs(outputs, { ...world, store }, stop)
        await files.run(stop)
      },
      (stop) => follower.run(stop),
      (stop) => offers.run(stop),
      (stop) => reporter.run(stop),
      (stop) => watch.run(stop),
      (stop) => given.run(stop),
      (stop) => keepHouse({ ...world, store, outputs, isRoundDone: async () => false }, stop),
      async (stop) => {
        if (settings.fallback === 'none') return
        // Loaded where it is wanted only: it is not small, and edges are to be.
        const { fetchWhileAway } = await import('./fetch-while-away.ts')
        await fetchWhileAway({ config, world, store, follower, changed }, stop)
      },
    ],
    signal,
  )
}

const WHEREABOUTS_FILE = 'feed.json'
/** Few servers have more certificates in use; those that have read the others from the disk. */
const STAPLES_IN_MEMORY = 500
