import { parentPort, workerData } from 'node:worker_threads'
import { respondersOf, scenarios } from './scenarios.ts'
import { simulateResponder } from './simulate-responder.ts'
import { emptyTally, type Tally } from './tally.ts'
import { assign, type Workload } from './workload.ts'

/** One piece of work: a responder of a scenario, both by their places. The worker answers each with its {@link Tally}. */
export interface Job {
  readonly scenario: number
  readonly responder: number
}

// A thread that simulates: its whole life is below. Started by simulate() only, with the workload.
const port = parentPort
if (port !== null) serve(port, workerData as Workload)

function serve(port: NonNullable<typeof parentPort>, workload: Workload): void {
  const { seed, length } = workload
  const worlds = scenarios.map((scenario) => respondersOf(scenario, seed, length))
  const ranks = assign(worlds[0] ?? [], workload)
  port.on('message', (job: Job) => port.postMessage(tallyOf(job)))

  function tallyOf({ scenario: at, responder: place }: Job): Tally {
    const [scenario, responder] = [scenarios[at], worlds[at]?.[place]]
    if (scenario === undefined || responder === undefined) return emptyTally
    return simulateResponder({ scenario, responder, workload, ranks: ranks[place] ?? [] })
  }
}
