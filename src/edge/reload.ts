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
  /** Run before it: where it fails, the command does not run, which counts as failed. */
  readonly test?: string | undefined
  /** Quiet after the last change before the command runs. Default: 2 s. After a success it does not run again for five times as long. */
  readonly debounce?: DurationMs
  /** Longest wait since the first change, if it never gets quiet. Default: 30 s. */
  readonly maxWait?: DurationMs
  /** After which the command is killed and counts as failed. Default: 30 s. */
  readonly timeout?: DurationMs
  readonly clock: Clock
  readonly events: ReloadEvents
  /** Told of each run, with the number of the last request that was before it. */
  readonly finished?: (result: CommandResult, covered: number) => void
  /** Default: {@link runShellCommand}. */
  readonly run?: (command: string, timeout: DurationMs) => Promise<CommandResult>
}

/** Tells a server that its files changed. */
export interface Reloader extends AsyncDisposable {
  /** Something changed: the command will run soon. Costs nothing, may be called often. Gives the number of the request. */
  request(): number
}

/**
 * Runs a reload command after changes: once for many, one at a time, again with back-off while it fails. A change during a run makes
 * another run. However often things change, it succeeds at most once in five times the debounce. Disposing runs a pending one at once, and the last time: a file that was written without a reload is half a job.
 */
export function startReloader(options: ReloaderOptions): Reloader {
  const { command, test, clock, events, finished, run = runShellCommand } = options
  const { debounce, maxWait, timeout } = { ...DEFAULTS, ...options }
  const closing = new AbortController()
  let changed = Promise.withResolvers<void>()
  let changes = 0
  let lastChangeAt = clock.monotonic()
  let restUntil = clock.monotonic()

  const quiet = async () => {
    const firstChangeAt = clock.monotonic()
    while (!closing.signal.aborted) {
      const now = clock.monotonic()
      const due = Math.min(lastChangeAt + debounce, firstChangeAt + maxWait)
      const left = Math.max(due, restUntil) - now
      if (left <= 0) return
      await clock.sleep(durationMs(left), closing.signal)
    }
  }
  const attempt = async (failures: number, covered: number): Promise<'done' | 'failed'> => {
    const startedAt = clock.monotonic()
    const tested = test === undefined ? undefined : await run(test, timeout)
    const isFit = tested === undefined || tested.kind === 'done'
    const result = isFit ? await run(command, timeout) : tested
    if (result.kind === 'done') {
      restUntil = durationMs(startedAt + REST * debounce)
      events.reloaded({ command, elapsed: durationMs(clock.monotonic() - startedAt) })
      finished?.(result, covered)
      return 'done'
    }
    const { problem, output } = result
    const failing = isFit || test === undefined ? command : test
    const retryIn = closing.signal.aborted ? undefined : retryDelay(failures)
    events.reloadFailed({ command: failing, problem, output, retryIn })
    const said = output === '' ? '' : `: ${output}`
    const told = `${JSON.stringify(failing)} ${problem}${said}`
    finished?.({ ...result, problem: told }, covered)
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
      failures = (await attempt(failures, seen)) === 'done' ? 0 : failures + 1
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
      return changes
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

/** Debounces from one success to the next: servers keep the workers of before for a while after each. */
const REST = 5
const DEFAULTS = {
  debounce: durationMs(2 * SECOND_MS),
  maxWait: durationMs(30 * SECOND_MS),
  timeout: durationMs(30 * SECOND_MS),
}
