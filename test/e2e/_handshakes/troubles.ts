import { setTimeout as wait } from 'node:timers/promises'
import { httpError, reset, silent, tryLater } from '../../../src/lab/faults/answers.ts'
import { everyNth } from '../../../src/lab/faults/combine.ts'
import type { Fault } from '../../../src/lab/faults/fault.ts'
import type { World } from './world.ts'

/** How often each thing happened. */
export interface Troubles {
  readonly kills: number
  readonly failures: number
  readonly nginxReloads: number
  readonly haproxyReloads: number
}

/** All that is done to the world while clients are at work, until the signal; over and over, each at its own pace. */
export class Trouble {
  readonly #world: World
  readonly #counts = { kills: 0, failures: 0, nginxReloads: 0, haproxyReloads: 0 }

  constructor(world: World) {
    this.#world = world
  }

  get counts(): Troubles {
    return { ...this.#counts }
  }

  /** Rejects where something does not come back. */
  async make(signal: AbortSignal): Promise<void> {
    const kinds = [() => this.#kill(), () => this.#fail(), () => this.#reload()]
    const until = async (round: () => Promise<void>) => {
      while (!signal.aborted) await round()
    }
    await Promise.all(kinds.map(until))
  }

  /** At any moment of a life: in the first milliseconds staples are fetched and written. */
  async #kill(): Promise<void> {
    await wait(Math.random() * LONGEST_LIFE_MS)
    await this.#world.everstaple.kill()
    this.#counts.kills += 1
  }

  /** One kind of failure after the other. */
  async #fail(): Promise<void> {
    const { responder } = this.#world
    await responder.fail(FAILURES[this.#counts.failures % FAILURES.length])
    await wait(FAILS_MS)
    await responder.recover()
    this.#counts.failures += 1
    await wait(WELL_MS)
  }

  /** As an operator does, besides the reloads that everstaple asks for. */
  async #reload(): Promise<void> {
    const { nginx, haproxy } = this.#world
    await wait(RELOAD_EVERY_MS)
    await nginx.reload()
    this.#counts.nginxReloads += 1
    await wait(RELOAD_EVERY_MS)
    const before = haproxy.output().length
    process.kill(haproxy.pid, 'SIGUSR2')
    await haproxy.wrote(/Loading success/, before)
    this.#counts.haproxyReloads += 1
  }
}

/** `undefined`: it is away. */
const FAILURES: readonly (((well: Fault) => Fault) | undefined)[] = [
  undefined,
  (well) => everyNth(6, httpError(404), well),
  () => tryLater,
  () => httpError(503),
  () => reset,
  () => silent,
]
const FAILS_MS = 1_500
const WELL_MS = 1_500
const LONGEST_LIFE_MS = 3_000
const RELOAD_EVERY_MS = 1_000
