import { type DurationMs, durationMs, type EpochMs } from '../../der/time.ts'
import type { LabCertificate } from '../../lab/ca.ts'
import { type Handshake, shakeHands } from '../../lab/handshake.ts'
import { judge } from '../../ocsp/judge.ts'
import type { Clock } from '../../time/clock.ts'
import type { Stage, StageCertificate } from './stage.ts'
import { formatCount, Tally } from './tally.ts'

/** A server with one of its certificates. */
export interface Target {
  /** The server's name, for people. */
  readonly server: string
  readonly port: number
  readonly certificate: StageCertificate
}

export interface ClientsOptions {
  readonly stage: Pick<Stage, 'root' | 'issuer'>
  readonly clock: Clock
  /** A handshake came without an acceptable staple. */
  readonly missed: (problem: string) => void
}

/** Clients that shake hands with every target all the time, and judge what comes stapled as a strict client does. */
export class Clients {
  readonly tally: Tally = new Tally()
  /** The part of the demo that handshakes count for. */
  act = ''
  readonly #options: ClientsOptions
  readonly #usableUntil = new Map<string, EpochMs>()

  constructor(options: ClientsOptions) {
    this.#options = options
  }

  /** Goes on until the signal; the last handshakes are over when it resolves. */
  async run(targets: readonly Target[], signal: AbortSignal): Promise<void> {
    for (const { server } of targets) this.tally.enter(server)
    await Promise.all(targets.map((target) => this.#visit(target, signal)))
  }

  /** How long the staples that came last would all last, if no other came. */
  get usableFor(): DurationMs {
    const ends = [...this.#usableUntil.values()]
    return durationMs(Math.max(0, Math.min(...ends) - this.#options.clock.now()))
  }

  /** `nginx 12/12, Node.js 12/12`, in this act. */
  get score(): string {
    const { tally } = this
    return tally.servers
      .map((server) => `${server} ${formatCount(tally.of(server, this.act))}`)
      .join(', ')
  }

  /** Whether every handshake in this act was stapled. */
  get isFlawless(): boolean {
    return this.tally.servers.every((server) => {
      const { stapled, all } = this.tally.of(server, this.act)
      return stapled === all
    })
  }

  async #visit(target: Target, signal: AbortSignal): Promise<void> {
    const { stage, clock, missed } = this.#options
    const { server, port, certificate } = target
    while (!signal.aborted) {
      const { name } = certificate
      const handshake = await shakeHands({ port, servername: name, ca: stage.root.pem })
      const problem = this.#judge(handshake, target, stage.issuer)
      this.tally.add(server, this.act, problem === undefined ? 'stapled' : 'missed')
      if (problem !== undefined) missed(`${server}, ${name}: ${problem}`)
      await clock.sleep(EVERY, signal)
    }
  }

  /** What is wrong with a handshake. */
  #judge(
    handshake: Handshake,
    { server, certificate: { name, leaf } }: Target,
    issuer: LabCertificate,
  ): string | undefined {
    if (handshake.kind === 'failed') return `no connection: ${handshake.problem}`
    if (handshake.kind === 'unstapled') return 'no staple'
    const verdict = judge({
      response: handshake.response,
      certificate: leaf.certificate,
      issuer: issuer.certificate,
      now: this.#options.clock.now(),
    })
    if (!verdict.accepted) {
      const [{ rule, saw, required }] = verdict.findings
      return `a staple that clients refuse (${rule}): ${saw}, required ${required}`
    }
    const { status, usableUntil } = verdict.staple
    if (status !== 'good') return `a staple that says ${status}`
    this.#usableUntil.set(`${server} ${name}`, usableUntil)
    return undefined
  }
}

const EVERY: DurationMs = durationMs(200)
