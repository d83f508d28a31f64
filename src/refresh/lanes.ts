/** How many tasks may run at once, over all and for one responder. */
export interface LaneLimits {
  readonly total: number
  readonly perResponder: number
}

/** Runs tasks in lanes, one a responder, so that a slow one holds up nobody else. */
export class Lanes {
  readonly #limits: LaneLimits
  readonly #running = new Map<string, number>()
  #total = 0
  #ended: PromiseWithResolvers<void> = Promise.withResolvers<void>()

  constructor(limits: LaneLimits) {
    this.#limits = limits
  }

  /** Tasks under way. */
  get size(): number {
    return this.#total
  }

  /** How many more tasks this lane can run at this moment. */
  room(lane: string): number {
    const { perResponder, total } = this.#limits
    return Math.min(perResponder - (this.#running.get(lane) ?? 0), total - this.#total)
  }

  /** Runs a task in a lane that has room. Settles as the task does, when its place is free again. */
  async run(lane: string, task: () => Promise<void>): Promise<void> {
    this.#running.set(lane, (this.#running.get(lane) ?? 0) + 1)
    this.#total++
    try {
      await task()
    } finally {
      this.#free(lane)
    }
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#total > 0) await this.#ended.promise
  }

  #free(lane: string): void {
    const left = (this.#running.get(lane) ?? 1) - 1
    if (left > 0) this.#running.set(lane, left)
    else this.#running.delete(lane)
    this.#total--
    this.#ended.resolve()
    this.#ended = Promise.withResolvers<void>()
  }
}
