import { DAY_MS } from '../der/time.ts'
import { type Figures, figuresOf, goal } from '../lab/availability/figures.ts'
import { responderCount } from '../lab/availability/responders.ts'
import { type Scenario, scenarios } from '../lab/availability/scenarios.ts'
import { simulate } from '../lab/availability/simulate.ts'
import type { Clock } from '../time/clock.ts'
import { ProgressBar } from './simulate-progress.ts'
import { columns, type ExitStatus, paint, type Terminal, UsageError } from './terminal.ts'

/** What `everstaple simulate` takes, as written. */
export interface SimulateOptions {
  readonly certificates: string
  readonly days: string
  readonly regions: string
  readonly connectionsPerDay: string
  readonly seed: string
  readonly scenario?: readonly string[] | undefined
  readonly json?: boolean | undefined
}

/**
 * The availability model: this design beside the opportunistic one and the best that anybody could do, on the same certificates, connections
 * and faults. Status 0 whether the goal is met or not, as it is a report. Throws a {@link UsageError}.
 */
export async function simulateCommand(
  options: SimulateOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Pick<Clock, 'monotonic'> },
): Promise<ExitStatus> {
  const size = sizeOf(options)
  const chosen = chosenOf(options.scenario)
  using bar = new ProgressBar(process.stderr, clock)
  const tallies = await simulate({
    workload: { ...size, length: size.days * DAY_MS },
    chosen,
    workers: WORKERS,
    progress: (done) => bar.show(done),
  })
  bar[Symbol.dispose]()
  const results = chosen.map(({ name, meaning }, at): Result => {
    const tally = tallies[at]
    if (tally === undefined) throw new Error(`scenario ${name} has no tally`)
    return { name, meaning, ...figuresOf(tally) }
  })
  const report = { ...size, goal, scenarios: results }
  if (options.json) terminal.out(JSON.stringify(report))
  else for (const line of textOf(report, terminal)) terminal.out(line)
  return 0
}

type Result = Figures & { readonly name: string; readonly meaning: string }

interface Size {
  readonly certificates: number
  readonly days: number
  readonly regions: number
  readonly connectionsPerDay: number
  readonly seed: number
}

function sizeOf(written: SimulateOptions): Size {
  return {
    certificates: wholeNumber('--certificates', written.certificates, 5_000_000),
    days: wholeNumber('--days', written.days, 366),
    regions: wholeNumber('--regions', written.regions, 100_000),
    connectionsPerDay: wholeNumber('--connections-per-day', written.connectionsPerDay, 1e15),
    seed: wholeNumber('--seed', written.seed, 2 ** 32),
  }
}

function wholeNumber(flag: string, written: string, most: number): number {
  const value = /^\d{1,16}$/.test(written) ? Number(written) : 0
  if (value >= 1 && value <= most) return value
  throw new UsageError(
    `${flag} is '${written}', not a whole number from 1 to ${most}`,
    'everstaple simulate --certificates 1000000 --days 90 --regions 100',
  )
}

function chosenOf(names: readonly string[] | undefined): readonly Scenario[] {
  const known = scenarios.map(({ name }) => name)
  const strange = names?.find((name) => !known.includes(name))
  if (strange !== undefined) {
    throw new UsageError(`no scenario is called '${strange}'`, `choose from ${known.join(', ')}`)
  }
  return scenarios.filter(({ name }) => names?.includes(name) ?? true)
}

function textOf(
  report: Size & { readonly scenarios: readonly Result[] },
  terminal: Terminal,
): string[] {
  const { certificates, days, regions, connectionsPerDay, scenarios } = report
  const header = ['', 'everstaple', 'best possible', 'opportunistic', 'behind best', 'requests', '']
  const rows = scenarios.map((result) => [
    result.name,
    percentage(result.stapled.everstaple),
    percentage(result.stapled.oracle),
    percentage(result.stapled.lazy),
    `${(result.moreUnstapledThanOracle * 1e5).toFixed(2)} in 100000`,
    result.requestsPerNewAnswer?.toFixed(2) ?? '-',
    paint(terminal, result.goal === 'met' ? 'green' : 'red', result.goal),
  ])
  return [
    `TLS connections with a staple: ${certificates} certificates of ${responderCount} CAs, ${days} days, ${connectionsPerDay} connections a day, ${regions} regions`,
    '',
    ...columns([header, ...rows]),
    '',
    ...columns(scenarios.map(({ name, meaning }) => [name, meaning])),
    '',
    'Each certificate counts from its first staple on. The best possible holds every answer from the moment on at which it',
    'can be had. Opportunistic is fetching in each region when a connection needs a staple. Requests are for each new',
    'response of CAs that are well.',
    '',
    conclusion(scenarios),
  ]
}

function conclusion(scenarios: readonly Result[]): string {
  const missed = scenarios.filter(({ goal }) => goal === 'missed').map(({ name }) => name)
  const outcome = missed.length === 0 ? 'met in every scenario' : `missed in ${missed.join(', ')}`
  return `goal (at most 1 in 100000 behind the best possible, with at most ${goal.requestsPerNewAnswer} requests): ${outcome}`
}

/** Cut off, not rounded: what is not all must not read as 100 %. */
function percentage(share: number): string {
  if (share === 1) return '100 %'
  const text = (Math.floor(share * 1e7) / 1e5).toFixed(5)
  return `${text} %`
}

const WORKERS = 2
