import { type DurationMs, durationMs, SECOND_MS } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'
import { formatDuration } from '../time/duration.ts'

/** How far a long command is, on one line that is written over and wiped in the end; nothing where the stream is no terminal. */
export class ProgressBar implements Disposable {
  readonly #stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #startedAt: DurationMs
  #shownAt: number = Number.NEGATIVE_INFINITY

  constructor(
    stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>,
    clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#stream = stream
    this.#clock = clock
    this.#startedAt = clock.monotonic()
  }

  /** Shows the part that is done, from 0 to 1, a few times a second at most. */
  show(done: number): void {
    const now = this.#clock.monotonic()
    if (!this.#stream.isTTY || now - this.#shownAt < EVERY) return
    this.#shownAt = now
    const full = Math.round(done * WIDTH)
    const bar = '#'.repeat(full) + '.'.repeat(WIDTH - full)
    const left = done > 0 ? ((now - this.#startedAt) * (1 - done)) / done : 0
    const seconds = durationMs(Math.ceil(left / SECOND_MS) * SECOND_MS)
    const text = `[${bar}] ${Math.floor(done * 100)} %, ${formatDuration(seconds)} left`
    this.#stream.write(`\r${text}${WIPE_REST}`)
  }

  [Symbol.dispose](): void {
    if (this.#shownAt > Number.NEGATIVE_INFINITY) this.#stream.write(`\r${WIPE_REST}`)
    this.#shownAt = Number.NEGATIVE_INFINITY
  }
}

const WIDTH = 40
const EVERY = 250
const WIPE_REST = '\u001b[K'
