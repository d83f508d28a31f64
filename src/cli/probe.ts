import type { Config } from '../config/config.ts'
import { type DurationMs, SECOND_MS } from '../der/time.ts'
import { startMetricsListener } from '../probe/metrics-listener.ts'
import { probeMetrics } from '../probe/probe-metrics.ts'
import { probe } from '../probe/prober.ts'
import { checkServer, type ServerCheck } from '../probe/server-check.ts'
import { share, Tally } from '../probe/tally.ts'
import type { Target } from '../probe/target.ts'
import { type ServerVerdict, verdictOf } from '../probe/verdict.ts'
import { metricsText } from '../serve/metrics-text.ts'
import type { Clock, Random } from '../time/clock.ts'
import { parseDuration } from '../time/duration.ts'
import { checkReport, givenRoots, givenTarget } from './check.ts'
import { Interruption } from './demo/interruption.ts'
import { probeTable } from './probe-table.ts'
import { readSettings } from './settings.ts'
import { type ExitStatus, oneLine, type Terminal, UsageError } from './terminal.ts'

/** What `everstaple probe` takes. */
export interface ProbeOptions {
  readonly config?: string | undefined
  readonly every?: string | undefined
  readonly listen?: string | undefined
  readonly for?: string | undefined
  readonly ca?: string | undefined
  readonly json?: boolean | undefined
}

/** What `everstaple probe` takes from the world. */
export interface ProbeWorld {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly random: Random
}

/** Checks servers over and over, until Ctrl-C or for as long as asked: status 1 where a handshake was not as it should be. */
export async function probeCommand(
  servers: readonly string[],
  options: ProbeOptions,
  { terminal, clock, random }: ProbeWorld,
): Promise<ExitStatus> {
  const config = await readSettings({ config: options.config, listen: options.listen })
  const targets = targetsOf(servers, config)
  const every = givenDuration('--every', options.every) ?? config.probe.every
  const length = givenDuration('--for', options.for)
  const roots = options.ca === undefined ? undefined : await givenRoots(options.ca)
  const tally = new Tally()
  const verdicts = new Map<string, ServerVerdict>()
  let refusals = 0
  const isScreen = options.json !== true && terminal.colours === 'yes'
  const table = () => probeTable(terminal, tally, verdicts).join('\n')
  const checked = (check: ServerCheck) => {
    const verdict = verdictOf(check)
    const former = verdicts.get(check.target)
    tally.add(check)
    verdicts.set(check.target, verdict)
    if (verdict.level === 'CRITICAL') refusals++
    if (options.json) terminal.out(JSON.stringify(checkReport(check, verdict)))
    else if (!isScreen && former?.level !== verdict.level) terminal.out(changeLine(check, verdict))
  }

  await using parts = new AsyncDisposableStack()
  using interruption = new Interruption()
  if (options.listen !== undefined) {
    const metrics = await listen(config.listen, () => metricsText(probeMetrics(tally)))
    terminal.err(`everstaple: metrics at ${parts.use(metrics).url}`)
  }
  const signal = endingAfter(length, interruption.signal, clock)
  const check = (target: Target, signal: AbortSignal) =>
    checkServer(target, { clock, policy: config.policy, roots, signal })
  const roundDone = () => isScreen && terminal.out(`${CLEAR}${table()}`)
  await probe({ targets, every, clock, random, check, checked, roundDone }, signal)
  if (!options.json && !isScreen) terminal.out(table())
  const { good, all } = share(tally.counts)
  // A chain that is not trusted is no matter of staples, so it is not among what is counted.
  return good === all && refusals === 0 ? 0 : 1
}

function targetsOf(servers: readonly string[], { probe }: Config): readonly Target[] {
  const targets = servers.length > 0 ? servers.map((text) => givenTarget(text)) : probe.targets
  if (targets.length > 0) return targets
  throw new UsageError(
    'no servers are given',
    'name them: everstaple probe www.example.org:443, or in the configuration by probe.targets',
  )
}

function givenDuration(flag: string, text: string | undefined): DurationMs | undefined {
  if (text === undefined) return undefined
  const duration = parseDuration(text)
  if (duration !== undefined && duration >= SECOND_MS) return duration
  throw new UsageError(
    `${flag} is '${text}', not a length of time of at least 1s`,
    'write it as 60s or 5m',
  )
}

async function listen(address: Config['listen'], metrics: () => string) {
  try {
    return await startMetricsListener(address, metrics)
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    throw new UsageError(`cannot serve metrics: ${problem}`, 'choose another address with --listen')
  }
}

function endingAfter(
  length: DurationMs | undefined,
  interrupted: AbortSignal,
  clock: Clock,
): AbortSignal {
  if (length === undefined) return interrupted
  const ending = new AbortController()
  void clock.sleep(length, interrupted).then(() => ending.abort())
  return ending.signal
}

function changeLine({ at, target }: ServerCheck, { level, summary }: ServerVerdict): string {
  return oneLine(`${at}  ${level} - ${target}: ${summary}`)
}

/** Cursor home, and all below it away, as watch(1) does. */
const CLEAR = '\u001b[H\u001b[2J'
