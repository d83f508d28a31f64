// Shakes hands with nginx, HAProxy and Node.js while everstaple is killed, its responder fails and the servers are reloaded:
// `npm run handshakes -- --handshakes 100000`. Exit status 1 if one of the handshakes came without a staple that every client accepts.
import { Command } from 'commander'
import { durationMs, MINUTE_MS } from '../src/der/time.ts'
import { runTrial, trialReport } from '../test/e2e/_handshakes/trial.ts'

const values = new Command('npm run handshakes --')
  .description(
    'Shakes hands with nginx, HAProxy and Node.js, fed by everstaple, in every trouble at once, and counts staples.',
  )
  .option('--handshakes <n>', 'how many', '100000')
  .addHelpText('after', '\nExample:\n  $ npm run handshakes -- --handshakes 10000')
  .parse()
  .opts<{ readonly handshakes: string }>()
const handshakes = Number(values.handshakes)
if (!Number.isSafeInteger(handshakes) || handshakes < 1) {
  throw new Error(`--handshakes ${values.handshakes} is no whole number greater than zero`)
}
const life = durationMs(MINUTE_MS)
const trial = await runTrial({ handshakes, life, connections: 2, pauseMs: 0, progress })
process.stdout.write(`${process.stderr.isTTY ? '\n' : ''}${trialReport(trial)}\n`)
if (trial.tallies.some(({ missed }) => missed.size > 0)) process.exitCode = 1

function progress(made: number): void {
  if (process.stderr.isTTY && made % 100 === 0) {
    process.stderr.write(`\r${made} of ${handshakes} handshakes`)
  }
}
