#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander'
import { systemClock } from '../time/clock.ts'
import { version } from '../version.ts'
import { refusedNode } from './refused-node.ts'
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
    'where to serve OCSP, /healthz, /readyz and /metrics (default: 127.0.0.1:8888)',
  )
  .option('--policy <key=value>', 'a key of policy, as revoked=staple (repeatable)', collect)
  .addOption(new Option('--log-format <format>', 'how to log').choices(['text', 'json']))
  .addHelpText('after', example('everstaple run --certificates /etc/letsencrypt/live'))
  .action(async (flags) => {
    const { runCommand } = await import('./run.ts')
    status = await runCommand(flags, terminal)
  })

program
  .command('agent')
  .description('the edge: follows a centre, judges its staples, serves and writes them')
  .addOption(configOption())
  .option('--server <url>', 'the centre: an `everstaple run`')
  .option('--token-file <file>', 'file with a token of scope edge for the centre')
  .option('--name <name>', 'what the edge calls itself (default: the host name)')
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
  .option('--policy <key=value>', 'a key of policy, as revoked=staple (repeatable)', collect)
  .addOption(new Option('--log-format <format>', 'how to log').choices(['text', 'json']))
  .addHelpText(
    'after',
    example(
      'everstaple agent --server https://staples.example.org:8443 --token-file token --certificates /etc/ssl/sites',
    ),
  )
  .action(async (flags) => {
    const { preferSmallProcess } = await import('./small-process.ts')
    preferSmallProcess()
    const { agentCommand } = await import('./agent.ts')
    status = await agentCommand(flags, terminal)
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
  .option('--certificate <path>', 'certificate that they should be about, or a folder of them')
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
  .command('ensure')
  .description('wait until the staple of a certificate is there and every output has taken it')
  .argument('<certificate>', 'PEM or DER file; only certificates of it are sent, never a key')
  .addOption(configOption())
  .option('--wait <duration>', 'how long, at most 10m', '30s')
  .option('--issuer <file>', 'certificate of the issuer')
  .option('--on-edges', 'and until every edge that serves the certificate has the staple live')
  .option('--server <url>', 'the service (default: where it listens by its configuration)')
  .option('--token-file <file>', 'file with a token of scope edge, for a service elsewhere')
  .option('--ca <file>', 'PEM file with the CA of the service’s own certificate')
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple ensure fullchain.pem --wait 30s'))
  .action(async (certificate, options) => {
    const { ensureCommand } = await import('./ensure.ts')
    status = await ensureCommand(certificate, options, { terminal, clock })
  })

program
  .command('status')
  .description('coverage, what is due, what is failing and why')
  .argument('[certificate]', 'a name, a fingerprint or a file')
  .addOption(configOption())
  .option('--data <dir>', 'the data folder of the service')
  .option('--responders', 'how each responder does, how often it renews, and what is wrong with it')
  .option('--edges', 'which staple is live on which edge, and which edges are behind or silent')
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple status www.example.org'))
  .action(async (certificate, { responders, edges, ...options }) => {
    if (edges) {
      const { statusEdgesCommand } = await import('./status-edges.ts')
      status = await statusEdgesCommand(certificate, options, { terminal, clock })
    } else if (responders) {
      const { statusRespondersCommand } = await import('./status-responders.ts')
      status = await statusRespondersCommand(options, { terminal, clock })
    } else {
      const { statusCommand } = await import('./status.ts')
      status = await statusCommand(certificate, options, { terminal, clock })
    }
  })

program
  .command('discover')
  .description(
    'read the configurations of nginx, Apache httpd and HAProxy, and propose one of ours',
  )
  .option('--root <dir>', 'look at the machine or container whose root this folder is')
  .option('--out <file>', 'write the proposal there, a file that does not exist yet')
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple discover --out everstaple.yaml'))
  .action(async (options) => {
    const { discoverCommand } = await import('./discover.ts')
    status = await discoverCommand(options, { terminal, clock })
  })

program
  .command('outputs')
  .description('the lines to paste into a server’s configuration, and into ours')
  .argument('[server]', 'nginx, apache, haproxy …; without one, all that are known')
  .addOption(configOption())
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple outputs nginx --config everstaple.yaml'))
  .action(async (server, options) => {
    const { outputsCommand } = await import('./outputs.ts')
    status = await outputsCommand(server, options, { terminal, clock })
  })

program
  .command('check')
  .description('shake hands with a server as clients do, and judge what it staples')
  .argument('<server>', 'HOST, HOST:PORT or [ADDRESS]:PORT, all with /NAME to ask for; port 443')
  .option('--servername <name>', 'ask for this name (SNI) instead of the host')
  .option('--ca <file>', 'roots that clients trust; a chain that is not theirs is then refused')
  .option('--data <dir>', 'compare with what the service holds in this data folder')
  .addOption(new Option('--config <file>', 'as --data, with the data folder and policy of it'))
  .option('--report-to <url>', 'collector that is told where the staple is missing or bad')
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple check www.example.org:443'))
  .action(async (server, options) => {
    const { checkCommand } = await import('./check.ts')
    status = await checkCommand(server, options, { terminal, clock })
  })

program
  .command('probe')
  .description('check servers over and over, and count handshakes and staples')
  .argument('[servers...]', 'as of check; default: probe.targets of the configuration')
  .addOption(configOption())
  .option('--every <duration>', 'from one round to the next (default: 60s)')
  .option('--ca <file>', 'roots that clients trust, as of check')
  .option('--listen <host:port>', 'serve what was counted at /metrics, for Prometheus')
  .option('--for <duration>', 'end by itself after this long, such as 5m')
  .option('--json', 'one JSON object a line, as of check, for each check')
  .addHelpText('after', example('everstaple probe www.example.org --listen 127.0.0.1:9188'))
  .action(async (servers, options) => {
    const { probeCommand } = await import('./probe.ts')
    status = await probeCommand(servers, options, { terminal, clock, random: Math.random })
  })

const token = program
  .command('token')
  .description('bearer tokens for the API, which need not be on this machine then')
  .addHelpText('after', example('everstaple token create web1 --scope edge'))
token
  .command('create')
  .description('make a token and show it, this once')
  .argument('<name>', 'what it is for; it is revoked by this name')
  .addOption(
    new Option('--scope <scope>', 'reports and feed; what an agent needs; or all')
      .choices(['read', 'edge', 'admin'])
      .default('read'),
  )
  .addOption(configOption())
  .option('--data <dir>', 'the data folder of the service')
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple token create web1 --scope edge'))
  .action(async (name, options) => {
    const { createTokenCommand } = await import('./token.ts')
    status = await createTokenCommand({ name, ...options }, { terminal, clock })
  })
token
  .command('list')
  .description('the names of the tokens')
  .addOption(configOption())
  .option('--data <dir>', 'the data folder of the service')
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple token list'))
  .action(async (options) => {
    const { listTokensCommand } = await import('./token.ts')
    status = await listTokensCommand(options, { terminal, clock })
  })
token
  .command('revoke')
  .description('end a token')
  .argument('<name>', 'as `everstaple token list` shows it')
  .addOption(configOption())
  .option('--data <dir>', 'the data folder of the service')
  .option('--json', 'one JSON object')
  .addHelpText('after', example('everstaple token revoke web1'))
  .action(async (name, options) => {
    const { revokeTokenCommand } = await import('./token.ts')
    status = await revokeTokenCommand({ name, ...options }, { terminal, clock })
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
  const refused = refusedNode(process.versions.node)
  if (refused !== undefined) throw refused
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

function collect(given: string, before: readonly string[] = []): readonly string[] {
  return [...before, given]
}

function example(line: string): string {
  return `\nExample:\n  $ ${line}`
}
