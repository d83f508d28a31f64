// Simulates the service in many worlds: `npm run simulate -- --seeds 10000 [--first 1] [--days 30]`. One of them with all that happens:
// `--seed 1234 --verbose`. Ends with the report of the first seed in which an invariant does not hold, and exit status 1.
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { Command } from 'commander'
import { type Summary, simulate } from '../src/lab/simulation/simulation.ts'
import { Violation } from '../src/lab/simulation/violation.ts'

/** What a worker makes of a seed: what the world was like, or the report of what went wrong in it. */
type Outcome = Summary | { readonly seed: number; readonly report: string }

interface Totals {
  seeds: number
  requests: number
  staples: number
  faults: number
  incidents: number
}

const THREADS = 2
const started = performance.now()
const values = new Command('npm run simulate --')
  .description(
    'Runs the service in simulated worlds full of faults, and ends at the first broken promise.',
  )
  .option('--seeds <n>', 'how many worlds', '1000')
  .option('--first <n>', 'seed of the first one', '1')
  .option('--days <n>', 'how long each lasts', '30')
  .option('--seed <n>', 'only this one')
  .option('--verbose', 'with --seed: all that happens')
  .addHelpText('after', '\nExample:\n  $ npm run simulate -- --seed 1234 --verbose')
  .parse()
  .opts<{
    readonly seeds: string
    readonly first: string
    readonly days: string
    readonly seed?: string
    readonly verbose?: true
  }>()
const days = numberOf('days', values.days)

if (!isMainThread) serve()
else if (values.seed !== undefined) await one(numberOf('seed', values.seed))
else await many(numberOf('first', values.first), numberOf('seeds', values.seeds))

async function one(seed: number): Promise<void> {
  const write = (line: string) => void process.stdout.write(`${line}\n`)
  const outcome = await outcomeOf(seed, values.verbose ? write : undefined)
  write('report' in outcome ? outcome.report : JSON.stringify(outcome, undefined, 2))
  if ('report' in outcome) process.exitCode = 1
}

/** Each thread is given the next seed when it has done one. */
async function many(first: number, count: number): Promise<void> {
  const totals: Totals = { seeds: 0, requests: 0, staples: 0, faults: 0, incidents: 0 }
  let next = first
  let failed: string | undefined
  const run = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      const give = () => {
        if (next === first + count || failed !== undefined) return resolve()
        worker.postMessage(next++)
      }
      worker.on('message', (outcome: Outcome) => {
        if ('report' in outcome) failed ??= outcome.report
        else add(totals, outcome)
        tell(totals, count)
        give()
      })
      worker.on('error', reject)
      give()
    })
  const workers = Array.from(
    { length: Math.min(THREADS, count) },
    () => new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) }),
  )
  await Promise.all(workers.map(run))
  await Promise.all(workers.map((worker) => worker.terminate()))
  if (process.stderr.isTTY) process.stderr.write('\n')
  process.stdout.write(`${summaryOf(totals)}\n`)
  if (failed === undefined) return
  process.stdout.write(`${failed}\n`)
  process.exitCode = 1
}

function serve(): void {
  parentPort?.on('message', (seed: number) => {
    outcomeOf(seed, undefined).then((outcome) => parentPort?.postMessage(outcome), fail)
  })
}

async function outcomeOf(
  seed: number,
  each: ((line: string) => void) | undefined,
): Promise<Outcome> {
  try {
    return await simulate({ seed, days, each })
  } catch (error) {
    if (error instanceof Violation) return { seed, report: error.message }
    throw error
  }
}

/** Thrown where nobody catches it, so that it ends the thread, and with it the program. */
function fail(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}

function add(totals: Totals, { requests, staples, faults, incidents }: Summary): void {
  totals.seeds++
  totals.requests += requests
  totals.staples += staples
  totals.faults += faults
  totals.incidents += incidents
}

function tell({ seeds }: Totals, count: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${seeds} of ${count} seeds, ${speed(seeds)}`)
}

function summaryOf({ seeds, requests, staples, faults, incidents }: Totals): string {
  return `${seeds} seeds of ${days} days: ${requests} requests, ${staples} staples, ${faults} faults, ${incidents} incidents; ${speed(seeds)}`
}

function speed(seeds: number): string {
  const perSecond = seeds / ((performance.now() - started) / 1_000)
  return `${perSecond.toFixed(2)} seeds and ${(perSecond * days).toFixed(0)} days a second`
}

function numberOf(name: string, text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new Error(`--${name} ${text} is no whole number greater than zero`)
}
