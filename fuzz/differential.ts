// Mutated responses through our gate, and all that it takes through openssl and PKI.js: `npm run fuzz -- --for 10m`.
// `--seed N` makes the same mutations again, `--from I` begins with the input of that number; keys are new in each run.
import { randomInt } from 'node:crypto'
import { Command } from 'commander'
import { type EpochMs, epochMs } from '../src/der/time.ts'
import { makeHierarchy } from '../src/lab/hierarchy.ts'
import { makeMutants } from '../src/lab/mutants/mutants.ts'
import { parseDuration } from '../src/time/duration.ts'
import { hunt } from './hunt.ts'
import { opensslOracle, pkijsOracle } from './oracles.ts'
import { ourGate, progress, report } from './trial.ts'

/** More than this are mostly the same one. */
const MAX_DISAGREEMENTS = 20
/** Openssl allows for five minutes. */
const FRESH_MS = 60_000

const values = new Command('npm run fuzz --')
  .description('Puts mutated responses to our gate, and all that it takes to openssl and PKI.js.')
  .option('--for <duration>', 'how long', '1m')
  .option('--seed <n>', 'makes the mutations of an earlier run again')
  .option('--from <n>', 'begins with the input of this number')
  .addHelpText('after', '\nExample:\n  $ npm run fuzz -- --for 10m')
  .parse()
  .opts<{ readonly for: string; readonly seed?: string; readonly from?: string }>()
const duration = parseDuration(values.for)
if (duration === undefined) throw new Error(`--for ${values.for} is no duration such as 10m`)
const seed = Number(values.seed ?? randomInt(1_000_000))
const hierarchy = makeHierarchy({ now: wallClock() })
using openssl = opensslOracle(hierarchy)
using pkijs = pkijsOracle(hierarchy)
const started = performance.now()
const elapsed = () => performance.now() - started
let told = 0
let trial = freshTrial()
process.stdout.write(`seed ${seed}\n`)
const found = await hunt({
  gate: (response) => trial.gate(response),
  makeMutant: (random) => {
    if (elapsed() > trial.until) trial = freshTrial()
    return trial.makeMutant(random)
  },
  oracles: [openssl, pkijs],
  seed,
  from: Number(values.from ?? 0),
  goesOn: (sofar) => {
    if (elapsed() - told > 5_000) {
      told = elapsed()
      process.stdout.write(`${progress(sofar, elapsed())}\n`)
    }
    return elapsed() < duration && sofar.disagreements.length < MAX_DISAGREEMENTS
  },
})
for (const one of found.disagreements)
  process.stdout.write(`${report(one, hierarchy, trial.now)}\n`)
process.stdout.write(`${progress(found, elapsed())}\n`)
process.exitCode = found.disagreements.length > 0 ? 1 : 0

/** openssl has no clock but the machine's, so what both judge is made, and judged by us, as of a moment ago. */
function freshTrial() {
  const now = wallClock()
  const until = elapsed() + FRESH_MS
  return { now, until, gate: ourGate(hierarchy, now), makeMutant: makeMutants(hierarchy, now) }
}

function wallClock(): EpochMs {
  return epochMs(Math.floor(performance.timeOrigin + performance.now()))
}
