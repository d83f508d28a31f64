import { readRunSettings, runProgram } from './run-program.ts'
import { startService } from './service.ts'
import type { SettingsFlags } from './settings.ts'
import type { ExitStatus, Terminal } from './terminal.ts'

/** Runs the service until SIGTERM or SIGINT; SIGHUP reads the configuration again. */
export function runCommand(flags: SettingsFlags, terminal: Terminal): Promise<ExitStatus> {
  return runProgram({ read: () => readRunSettings(flags, 'run'), start: startService }, terminal)
}
