// Mutated responses through our gate, and all that it takes through openssl and PKI.js: `npm run fuzz -- --for 10m`.
// `--seed N` makes the same mutations again, `--from I` begins with the input of that number; keys are new in each run.
import { randomInt } from 'node:crypto'
import { Command } from 'commander'
import { epochMs } from '../src/der/time.ts'
import { makeHierarchy } from '../src/lab/hierarchy.ts'
import { makeMutants } from '../src/lab/mutants/mutants.ts'
import { parseDuration } from '../src/time/duration.ts'
import { hunt } from './hunt.ts'
import { opensslOracle, pkijsOracle } from './oracles.ts'
import { ourGate, progress, report } from './trial.ts'

/** More than this are mostly the same one. */
const MAX_DISAGREEMENTS = 20

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
const now = epochMs(Math.floor(performance.timeOrigin + performance.now()))
const hierarchy = makeHierarchy({ now })
using openssl = opensslOracle(hierarchy)
using pkijs = pkijsOracle(hierarchy)
const started = performance.now()
const elapsed = () => performance.now() - started
let told = 0
process.stdout.write(`seed ${seed}\n`)
const found = await hunt({
  gate: ourGate(hierarchy, now),
  makeMutant: makeMutants(hierarchy, now),
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
for (const one of found.disagreements) process.stdout.write(`${report(one, hierarchy, now)}\n`)
process.stdout.write(`${progress(found, elapsed())}\n`)
process.exitCode = found.disagreements.length > 0 ? 1 : 0
