import { columns } from '../../../src/cli/terminal.ts'
import type { DurationMs } from '../../../src/der/time.ts'
import { reasonsOf, type ServerTally, tallyRows } from './tally.ts'
import { Trouble, type Troubles } from './troubles.ts'
import { visit } from './visitors.ts'
import { createWorld } from './world.ts'

/** What is tried. */
export interface TrialOptions {
  /** Over all servers together; there are more where not every kind of trouble has happened by then, or a server had one staple only. */
  readonly handshakes: number
  /** For how long a staple can be used. */
  readonly life: DurationMs
  /** With each server at a time. */
  readonly connections: number
  /** Between the handshakes of a connection. */
  readonly pauseMs: number
  /** Told now and then how many handshakes were made. */
  readonly progress?: (handshakes: number) => void
}

/** What came of it. */
export interface Trial {
  readonly tallies: readonly ServerTally[]
  readonly troubles: Troubles
  /** Staples that everstaple stored, the first one included. */
  readonly stored: number
  /** Reloads of nginx that everstaple asked for. */
  readonly reloaded: number
  /** Of the handshakes, without the start. */
  readonly durationMs: number
}

/** Shakes hands with nginx, HAProxy and Node.js while everstaple, its responder and the servers are troubled. */
export async function runTrial(options: TrialOptions): Promise<Trial> {
  const { handshakes, life, connections, pauseMs, progress } = options
  await using world = await createWorld(life)
  const trouble = new Trouble(world)
  const over = new AbortController()
  const troubled = trouble.make(over.signal)
  troubled.catch(() => over.abort())
  const startedAt = performance.now()
  const goesOn = (tallies: readonly ServerTally[]) => {
    const made = tallies.reduce((all, tally) => all + tally.handshakes, 0)
    progress?.(made)
    const isTried =
      tallies.every(({ staples }) => staples > 1) && !Object.values(trouble.counts).includes(0)
    return !over.signal.aborted && (made < handshakes || !isTried)
  }
  const tallies = await visit(world, { connections, pauseMs, goesOn })
  const durationMs = performance.now() - startedAt
  over.abort()
  await troubled
  const { everstaple } = world
  const [stored, reloaded] = [everstaple.count('stapleStored'), everstaple.count('reloaded')]
  return { tallies, troubles: trouble.counts, stored, reloaded, durationMs }
}

/** For people. */
export function trialReport({ tallies, troubles, stored, reloaded, durationMs }: Trial): string {
  const { kills, failures, nginxReloads, haproxyReloads } = troubles
  const seconds = (durationMs / 1_000).toFixed(1)
  return [
    ...columns(tallyRows(tallies)),
    ...tallies.flatMap(reasonsOf),
    `in ${seconds} s: kill -9 of everstaple ${kills} times, failures of the responder ${failures}, staples stored ${stored},`,
    `reloads of nginx ${nginxReloads + reloaded} (${reloaded} by everstaple), of HAProxy ${haproxyReloads}`,
  ].join('\n')
}
