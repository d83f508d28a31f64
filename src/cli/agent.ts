import type { Config } from '../config/config.ts'
import { type AgentSettings, startAgent } from './agent-service.ts'
import { readRunSettings, runProgram } from './run-program.ts'
import type { Service, ServiceWorld } from './running-service.ts'
import type { SettingsFlags } from './settings.ts'
import { type ExitStatus, type Terminal, UsageError } from './terminal.ts'
import { readTokenFile } from './token-file.ts'
import { readTrustedCertificates } from './trusted-certificates.ts'

/** Runs the agent until SIGTERM or SIGINT; SIGHUP reads configuration, token and certificates again. Throws a {@link UsageError}. */
export function agentCommand(flags: SettingsFlags, terminal: Terminal): Promise<ExitStatus> {
  const read = () => readRunSettings(flags, 'agent')
  return runProgram({ read, start }, terminal)
}

async function start(config: Config, world: ServiceWorld): Promise<Service> {
  return startAgent(config, await settingsOf(config), world)
}

async function settingsOf({ agent }: Config): Promise<AgentSettings> {
  const { server: url, tokenFile, ca, name, register, fallback } = agent
  if (url === undefined) {
    throw new UsageError(
      'no centre is given',
      'name it: everstaple agent --server https://HOST:PORT',
    )
  }
  const token = tokenFile === undefined ? undefined : () => readTokenFile(TOKEN_KEY, tokenFile)
  // A file that is missing is told now; one that is replaced later is read again.
  await token?.()
  const trusted = ca === undefined ? undefined : await readTrustedCertificates('agent.ca', ca)
  return { url, token, ca: trusted, name, register, fallback }
}

const TOKEN_KEY = 'agent.tokenFile (--token-file)'
