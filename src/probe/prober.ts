import { type DurationMs, durationMs } from '../der/time.ts'
import type { Clock, Random } from '../time/clock.ts'
import { jitter } from '../time/jitter.ts'
import type { ServerCheck } from './server-check.ts'
import type { Target } from './target.ts'

/** What continuous probing needs. */
export interface ProberOptions {
  readonly targets: readonly Target[]
  /** From the beginning of one round to that of the next, ±10 %: many that were started at once do not stay together. */
  readonly every: DurationMs
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>
  readonly random: Random
  readonly check: (target: Target, signal: AbortSignal) => Promise<ServerCheck>
  /** Told of each check when it is done. */
  readonly checked: (check: ServerCheck) => void
  /** Told when all servers have been checked once more. */
  readonly roundDone?: (() => void) | undefined
}

/** Checks all servers in rounds until aborted; what is under way then does not count. A round that takes too long delays the next. */
export async function probe(options: ProberOptions, signal: AbortSignal): Promise<void> {
  const { every, clock, random, roundDone } = options
  for (let next = clock.monotonic(); !signal.aborted; ) {
    await round(options, signal)
    roundDone?.()
    next = durationMs(Math.max(next + jitter(every, JITTER, random), clock.monotonic()))
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
      const done = await check(target, signal)
      if (!signal.aborted) checked(done)
    }
  }
  await Promise.all(Array.from({ length: SERVERS_AT_A_TIME }, work))
}

const JITTER = 0.1
/** With four handshakes each, 32 sockets. */
const SERVERS_AT_A_TIME = 8
