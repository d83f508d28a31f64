/** Turns Ctrl-C and the like into an {@link AbortSignal}. A second one ends the process at once, with what was registered for its `exit` done. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController()
  readonly #listener = (): void => {
    if (this.#controller.signal.aborted) process.exit(INTERRUPTED)
    this.#controller.abort()
  }

  constructor() {
    for (const name of handled) process.on(name, this.#listener)
  }

  /** Aborted by the first one. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    for (const name of handled) process.off(name, this.#listener)
  }
}

const handled = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** What shells give for SIGINT: 128 + 2. */
const INTERRUPTED = 130
