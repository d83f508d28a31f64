import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { healthyResponders } from './responders.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { emptyTally, sum, type Tally } from './tally.ts'
import type { Job } from './worker.ts'
import type { Workload } from './workload.ts'

/** What `simulate` goes by. */
export interface SimulateOptions {
  readonly workload: Workload
  /** Of {@link scenarios}. */
  readonly chosen: readonly Scenario[]
  /** Threads; the result does not depend on it. */
  readonly workers: number
  /** Called now and then with the part that is done, from 0 to 1. */
  readonly progress: (done: number) => void
}

/** The tally of each chosen scenario, in their order: all three designs on the same certificates, connections and faults. */
export async function simulate(options: SimulateOptions): Promise<readonly Tally[]> {
  const { workload, chosen, workers, progress } = options
  const responders = healthyResponders(workload.seed, workload.length)
  const jobs = chosen.flatMap((scenario) => {
    const at = scenarios.indexOf(scenario)
    return responders.map(({ share }, responder) => ({ job: { scenario: at, responder }, share }))
  })
  // The largest first, so that no thread is left with a large one at the end.
  const queue = [...jobs.entries()].sort(([, a], [, b]) => b.share - a.share)
  const tallies = jobs.map(() => emptyTally)
  let done = 0
  const settle = (index: number, tally: Tally): void => {
    tallies[index] = tally
    done += (jobs[index]?.share ?? 0) / chosen.length
    progress(Math.min(done, 1))
  }
  const next = () => queue.shift()
  const threads = Array.from({ length: workers }, () => work(workload, next, settle))
  await Promise.all(threads)
  return chosen.map((_, at) =>
    tallies.slice(at * responders.length, (at + 1) * responders.length).reduce(sum, emptyTally),
  )
}

/** One thread, which takes jobs until there are none. */
async function work(
  workload: Workload,
  next: () => readonly [index: number, { readonly job: Job }] | undefined,
  settle: (index: number, tally: Tally) => void,
): Promise<void> {
  const worker = new Worker(WORKER, { workerData: workload, execArgv: [] })
  const broken = Promise.withResolvers<never>()
  worker.once('error', broken.reject)
  try {
    for (let taken = next(); taken !== undefined; taken = next()) {
      const [index, { job }] = taken
      const replied = new Promise<Tally>((resolve) => worker.once('message', resolve))
      worker.postMessage(job)
      settle(index, await Promise.race([replied, broken.promise]))
    }
  } finally {
    await worker.terminate()
  }
}

/** Beside this file, in `src` as TypeScript and in `dist` as JavaScript. */
const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url)
