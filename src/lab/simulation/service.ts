import { iso } from '../../der/time.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import { Crawler, type CrawlerEvents } from '../../refresh/crawler.ts'
import type { Transport } from '../../responders/transport.ts'
import type { CertificateRecord, Store } from '../../store/store.ts'
import { VerifiedStaples } from '../../store/verified-staples.ts'
import type { Clock, Random } from '../../time/clock.ts'
import type { Ceilings } from './ceilings.ts'
import type { Life } from './life.ts'
import type { Scene } from './scene.ts'
import type { Tracked } from './tracked.ts'

/** What one run of the service is made of. */
export interface ServiceOptions {
  readonly scene: Scene
  readonly life: Life
  readonly ceilings: Ceilings
  /** As the crawler has it. */
  readonly store: Store
  /** As those who hand out staples have it. */
  readonly kept: Store
  readonly transport: Transport
  readonly random: Random
  readonly tracked: ReadonlyMap<string, Tracked>
}

/** One run of the service: crawler and staples to be handed out, over a store that outlives it. */
export class Service {
  readonly #options: ServiceOptions
  readonly #staples: VerifiedStaples
  readonly #crawler: Crawler
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(options: ServiceOptions) {
    const { scene, life, store, kept, transport, random } = options
    const { clock, world } = scene
    this.#options = options
    const stapleRefused = ({ id }: { readonly id: string }) => {
      scene.violate(
        'handed-out',
        'a stored staple is refused',
        options.tracked.get(id)?.certificate,
      )
    }
    const verified = { store: kept, clock, policy: defaultPolicy }
    this.#staples = new VerifiedStaples({ ...verified, events: { stapleRefused } })
    this.#crawler = new Crawler({
      ...{ store, transport, random, policy: defaultPolicy, limits: world.limits },
      clock: livingClock(clock, life),
      events: this.#events(),
      changed: ({ id }) => this.forget(id),
    })
    this.#running = this.#crawler.run(this.#stop.signal)
    this.#running.catch((error: unknown) => {
      scene.violate('crawler', `it ended: ${textOf(error)}`)
    })
  }

  /** Certificates that are being fetched or stored, or claimed ahead. */
  get underWay(): number {
    return this.#crawler.underWay
  }

  /** What is handed out at this moment. */
  staple(id: string): Promise<Staple | undefined> {
    return this.#staples.byId(id)
  }

  /** What is stored of a certificate has changed. */
  forget(id: string): void {
    this.#staples.forget(id)
    const tracked = this.#options.tracked.get(id)
    if (tracked !== undefined) tracked.isChanged = true
  }

  wake(): void {
    this.#crawler.wake()
  }

  /** Ends it as a service manager does. Ends without time going on. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running.catch(() => {})
  }

  /** Ends it at once; nothing more comes of what is under way. */
  kill(): void {
    this.#options.life.end()
    this.#stop.abort()
  }

  #events(): CrawlerEvents {
    const { scene, ceilings, tracked } = this.#options
    const log = (what: string, about?: CertificateRecord) =>
      scene.log.add(scene.now(), about === undefined ? what : `${about.name}: ${what}`)
    const until = (next: { readonly dueAt: Parameters<typeof iso>[0]; readonly reason: string }) =>
      `next ${iso(next.dueAt)}, ${next.reason}`
    return {
      stapleStored: ({ certificate, staple, next }) =>
        log(`stored, of ${iso(staple.thisUpdate)}; ${until(next)}`, certificate),
      stapleUnchanged: ({ certificate, next }) => log(`unchanged; ${until(next)}`, certificate),
      staleEdge: ({ certificate, thisUpdate }) => log(`older, of ${iso(thisUpdate)}`, certificate),
      fetchFailed: ({ certificate, problem, next }) =>
        log(`failed: ${problem}; ${until(next)}`, certificate),
      certificateRevoked: ({ certificate, problem }) => {
        log(`withdrawn: ${problem}`, certificate)
        const known = tracked.get(certificate.id)
        if (known !== undefined) known.isWithdrawn = true
      },
      storeFailed: ({ error }) => log(`store: ${textOf(error)}`),
      responderAway: ({ responder }) => {
        ceilings.responderAway(responder)
        log(`${responder} is away`)
      },
      responderBack: ({ responder, after }) => {
        ceilings.responderBack(responder)
        log(`${responder} is back after ${after} ms`)
      },
      clockDiffers: ({ ahead }) => log(`the wall clock is ${ahead} ms ahead`),
    }
  }
}

/** The clock of a process that can be killed. */
function livingClock(clock: Clock, life: Life): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (duration, signal) => life.live(() => clock.sleep(duration, signal)),
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
