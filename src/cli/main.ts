#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander'
import { systemClock } from '../time/clock.ts'
import { version } from '../version.ts'
import { type ExitStatus, printError, processTerminal } from './terminal.ts'

// A command is loaded when it is called: `explain` in a loop need not wait for the parts of the service.
const terminal = processTerminal()
const clock = systemClock
let status: ExitStatus = 0

// Whoever reads has seen enough: `everstaple status | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(status)
})

const program = new Command('everstaple')
  .description('Keeps a valid OCSP staple ready for every certificate, all the time.')
  .version(version)
  .exitOverride()
  .showHelpAfterError('everstaple: hint: give it --help, and see how it is used')
  .configureOutput({
    outputError: (text, write) => write(text.replace(/^error: /, 'everstaple: error: ')),
  })

program
  .command('run')
  .description(
    'the service: watches certificates, keeps their staples fresh, serves and writes them',
  )
  .addOption(configOption())
  .option(
    '--certificates <path>',
    'file or folder with certificates, watched (repeatable)',
    collect,
  )
  .option('--data <dir>', 'folder for what must survive a restart')
  .option(
    '--listen <host:port>',
    'where to serve OCSP, /healthz and /readyz (default: 127.0.0.1:8888)',
  )
  .addOption(new Option('--log-format <format>', 'how to log').choices(['text', 'json']))
  .addHelpText('after', example('everstaple run --certificates /etc/letsencrypt/live'))
  .action(async (flags) => {
    const { runCommand } = await import('./run.ts')
    status = await runCommand(flags, terminal)
  })

program
  .command('fetch')
  .description('ask the responders of one certificate now, and say what came of it')
  .argument(
    '<certificate>',
    'PEM or DER file; its issuer in the same file, beside it, or by --issuer',
  )
  .addOption(configOption())
  .option('--issuer <file>', 'certificate of the issuer')
  .option('--url <url>', 'ask this responder instead of the certificate’s')
  .option('--out <file>', 'write the staple there, DER')
  .option('--at <time>', 'judge as of this time, ISO 8601')
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple fetch fullchain.pem --out staple.der'))
  .action(async (certificate, options) => {
    const { fetchCommand } = await import('./fetch.ts')
    status = await fetchCommand(certificate, options, { terminal, clock })
  })

program
  .command('explain')
  .description('judge OCSP responses on disk as every client would, and say why')
  .argument('<response...>', 'DER files, folders of them, or - for standard input')
  .addOption(configOption())
  .option('--certificate <file>', 'the certificate that they should be about')
  .option('--issuer <file>', 'certificate of its issuer')
  .option('--at <time>', 'judge as of this time, ISO 8601')
  .option('--json', 'one JSON object a line')
  .addHelpText('after', example('everstaple explain staple.der --certificate fullchain.pem'))
  .action(async (responses, { config, ...options }) => {
    const { readSettings } = await import('./settings.ts')
    const { policy } = await readSettings({ config })
    const { explainCommand } = await import('./explain.ts')
    status = await explainCommand({ responses, ...options }, { terminal, clock, policy })
  })

program
  .command('status')
  .description('coverage, what is due, what is failing and why')
  .argument('[certificate]', 'a name, a fingerprint or a file')
  .addOption(configOption())
  .option('--data <dir>', 'the data folder of the service')
  .option('--responders', 'how each responder does, how often it renews, and what is wrong with it')
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple status www.example.org'))
  .action(async (certificate, { responders, ...options }) => {
    if (responders) {
      const { statusRespondersCommand } = await import('./status-responders.ts')
      status = await statusRespondersCommand(options, { terminal, clock })
    } else {
      const { statusCommand } = await import('./status.ts')
      status = await statusCommand(certificate, options, { terminal, clock })
    }
  })

program
  .command('simulate')
  .description('the availability model: this design beside the opportunistic one, against faults')
  .option('--certificates <n>', 'certificates that are kept', '100000')
  .option('--days <n>', 'length of the simulation', '90')
  .option('--regions <n>', 'caches of the opportunistic design', '100')
  .option('--connections-per-day <n>', 'over all certificates and regions', '1000000000')
  .option('--seed <n>', 'another one gives other faults at other times', '1')
  .option('--scenario <name...>', 'only these; default: all')
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple simulate --certificates 1000000 --days 90'))
  .action(async (options) => {
    const { simulateCommand } = await import('./simulate.ts')
    status = await simulateCommand(options, { terminal, clock })
  })

program
  .command('demo')
  .description(
    'all of it on this machine with a CA of its own: service, servers, handshakes, a fault',
  )
  .option('--for <duration>', 'end by itself after this long, such as 20s')
  .addHelpText('after', example('everstaple demo --for 20s'))
  .action(async (options) => {
    const { demoCommand } = await import('./demo.ts')
    status = await demoCommand(options, terminal)
  })

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) status = error.exitCode === 0 ? 0 : 2
  else {
    printError(terminal, error)
    status = 2
  }
}
process.exitCode = status

function configOption(): Option {
  return new Option('--config <file>', 'YAML configuration; see docs/configuration.md')
}

function collect(path: string, before: readonly string[] = []): readonly string[] {
  return [...before, path]
}

function example(line: string): string {
  return `\nExample:\n  $ ${line}`
}
