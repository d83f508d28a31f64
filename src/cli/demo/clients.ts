import { type DurationMs, durationMs, type EpochMs } from '../../der/time.ts'
import { shakeHands } from '../../lab/handshake.ts'
import { judgeHandshake } from '../../lab/judged-handshake.ts'
import type { Clock } from '../../time/clock.ts'
import type { Stage, StageCertificate } from './stage.ts'
import { type Feed, Tally } from './tally.ts'

/** A server with one of its certificates. */
export interface Target {
  /** The server's name, for people. */
  readonly server: string
  readonly feed: Feed
  readonly port: number
  readonly certificate: StageCertificate
}

export interface ClientsOptions {
  readonly stage: Pick<Stage, 'root' | 'issuer'>
  readonly clock: Clock
  /** A server that everstaple feeds gave no acceptable staple. */
  readonly missed: (problem: string) => void
}

/** Clients that shake hands with every target all the time, and judge what comes stapled as a strict client does. */
export class Clients {
  readonly tally: Tally = new Tally()
  /** The part of the demo that handshakes count for. */
  act = ''
  /** What the last handshake with a server lacked; nothing for those that lacked nothing. */
  readonly problems: Map<string, string> = new Map()
  readonly #options: ClientsOptions
  readonly #usableUntil = new Map<string, EpochMs>()
  readonly #shaking = new Set<Promise<void>>()
  #open: Promise<void> = Promise.resolve()

  constructor(options: ClientsOptions) {
    this.#options = options
  }

  /** Goes on until the signal; the last handshakes are over when it resolves. */
  async run(targets: readonly Target[], signal: AbortSignal): Promise<void> {
    for (const { server, feed } of targets) this.tally.enter(server, feed)
    await Promise.all(targets.map((target) => this.#visit(target, signal)))
  }

  /** Does something while no client is there. */
  async without(work: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#open = promise
    await Promise.all(this.#shaking)
    try {
      await work()
    } finally {
      resolve()
    }
  }

  /** How long the staples that came last from everstaple would all last, if no other came. */
  get usableFor(): DurationMs {
    const ends = [...this.#usableUntil.values()]
    return durationMs(Math.max(0, Math.min(...ends) - this.#options.clock.now()))
  }

  async #visit(target: Target, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#open
      const shaking = this.#shake(target)
      this.#shaking.add(shaking)
      await shaking
      this.#shaking.delete(shaking)
      await this.#options.clock.sleep(EVERY, signal)
    }
  }

  async #shake({ server, feed, port, certificate: { name, leaf } }: Target): Promise<void> {
    const { stage, clock, missed } = this.#options
    const handshake = await shakeHands({ port, servername: name, ca: stage.root.pem })
    const { certificate } = leaf
    const now = clock.now()
    const judged = judgeHandshake(handshake, {
      ...{ certificate, issuer: stage.issuer.certificate, now },
    })
    this.tally.add(server, this.act, judged.kind)
    if (judged.kind === 'stapled') {
      this.problems.delete(server)
      if (feed === 'everstaple') this.#usableUntil.set(`${server} ${name}`, judged.usableUntil)
    } else {
      this.problems.set(server, judged.problem)
      if (feed === 'everstaple') missed(`${server}, ${name}: ${judged.problem}`)
    }
  }
}

const EVERY: DurationMs = durationMs(200)
