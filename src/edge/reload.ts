import { type DurationMs, durationMs, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'
import { type CommandResult, runShellCommand } from './shell-command.ts'

/** What a reloader tells. */
export interface ReloadEvents {
  reloaded(event: { readonly command: string; readonly elapsed: DurationMs }): void
  reloadFailed(event: {
    readonly command: string
    readonly problem: string
    readonly output: string
    /** `undefined` when it is not tried again. */
    readonly retryIn: DurationMs | undefined
  }): void
}

/** How a reloader is set up. */
export interface ReloaderOptions {
  /** Run by `/bin/sh -c`: `nginx -t && nginx -s reload`. */
  readonly command: string
  /** Quiet after the last change before the command runs. Default: 2 s. */
  readonly debounce?: DurationMs
  /** Longest wait since the first change, if it never gets quiet. Default: 30 s. */
  readonly maxWait?: DurationMs
  /** After which the command is killed and counts as failed. Default: 30 s. */
  readonly timeout?: DurationMs
  readonly clock: Clock
  readonly events: ReloadEvents
  /** Default: {@link runShellCommand}. */
  readonly run?: (command: string, timeout: DurationMs) => Promise<CommandResult>
}

/** Tells a server that its files changed. */
export interface Reloader extends AsyncDisposable {
  /** Something changed: the command will run soon. Costs nothing, may be called often. */
  request(): void
}

/**
 * Runs a reload command after changes: once for many, one at a time, again with back-off while it fails. A change during a run makes
 * another run. Disposing runs a pending one at once, and the last time: a file that was written without a reload is half a job.
 */
export function startReloader(options: ReloaderOptions): Reloader {
  const { command, clock, events, run = runShellCommand } = options
  const { debounce, maxWait, timeout } = { ...DEFAULTS, ...options }
  const closing = new AbortController()
  let changed = Promise.withResolvers<void>()
  let changes = 0
  let lastChangeAt = clock.monotonic()

  const quiet = async () => {
    const firstChangeAt = clock.monotonic()
    while (!closing.signal.aborted) {
      const now = clock.monotonic()
      const left = Math.min(lastChangeAt + debounce, firstChangeAt + maxWait) - now
      if (left <= 0) return
      await clock.sleep(durationMs(left), closing.signal)
    }
  }
  const attempt = async (failures: number): Promise<'done' | 'failed'> => {
    const startedAt = clock.monotonic()
    const result = await run(command, timeout)
    if (result.kind === 'done') {
      events.reloaded({ command, elapsed: durationMs(clock.monotonic() - startedAt) })
      return 'done'
    }
    const { problem, output } = result
    const retryIn = closing.signal.aborted ? undefined : retryDelay(failures)
    events.reloadFailed({ command, problem, output, retryIn })
    if (retryIn !== undefined) await clock.sleep(retryIn, closing.signal)
    return 'failed'
  }
  const loop = async () => {
    let failures = 0
    let seen = 0
    while (true) {
      if (seen === changes && failures === 0) {
        if (closing.signal.aborted) return
        await changed.promise
        continue
      }
      await quiet()
      seen = changes
      const isLast = closing.signal.aborted
      failures = (await attempt(failures)) === 'done' ? 0 : failures + 1
      if (isLast) return
    }
  }
  const running = loop()
  const wake = () => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  return {
    request() {
      changes += 1
      lastChangeAt = clock.monotonic()
      wake()
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      wake()
      await running
    },
  }
}

/** 5 s, 10 s, 20 s … 5 min. */
function retryDelay(failures: number): DurationMs {
  return durationMs(Math.min(5 * SECOND_MS * 2 ** Math.min(failures, 10), 5 * MINUTE_MS))
}

const DEFAULTS = {
  debounce: durationMs(2 * SECOND_MS),
  maxWait: durationMs(30 * SECOND_MS),
  timeout: durationMs(30 * SECOND_MS),
}
