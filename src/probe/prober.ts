import { type DurationMs, durationMs } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'
import type { ServerCheck } from './server-check.ts'
import type { Target } from './target.ts'

/** What continuous probing needs. */
export interface ProberOptions {
  readonly targets: readonly Target[]
  /** From the beginning of one round to that of the next. */
  readonly every: DurationMs
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>
  readonly check: (target: Target) => Promise<ServerCheck>
  /** Told of each check when it is done. */
  readonly checked: (check: ServerCheck) => void
  /** Told when all servers have been checked once more. */
  readonly roundDone?: (() => void) | undefined
}

/** Checks all servers in rounds until aborted; what is under way then is finished. A round that takes too long delays the next. */
export async function probe(options: ProberOptions, signal: AbortSignal): Promise<void> {
  const { every, clock, roundDone } = options
  for (let next = clock.monotonic(); !signal.aborted; ) {
    await round(options, signal)
    roundDone?.()
    next = durationMs(Math.max(next + every, clock.monotonic()))
    await clock.sleep(durationMs(next - clock.monotonic()), signal)
  }
}

/** A few servers at a time, so that a long list neither opens thousands of sockets nor waits for the slowest. */
async function round(
  { targets, check, checked }: ProberOptions,
  signal: AbortSignal,
): Promise<void> {
  const left = targets.values()
  const work = async () => {
    for (const target of left) {
      if (signal.aborted) return
      checked(await check(target))
    }
  }
  await Promise.all(Array.from({ length: SERVERS_AT_A_TIME }, work))
}

/** With four handshakes each, 32 sockets. */
const SERVERS_AT_A_TIME = 8
