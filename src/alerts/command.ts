import { type DurationMs, durationMs, SECOND_MS } from '../der/time.ts'
import { runShellCommand } from '../edge/shell-command.ts'
import { alertEnvironment, alertJson } from './alert.ts'
import type { Destination } from './deliveries.ts'

/**
 * A command line of the operator's, run by `/bin/sh` with the facts in its environment and as JSON on its standard input. Nothing of an alert is put
 * into the command line. One that fails is not run again: nobody knows how far it came.
 */
export function commandDestination(command: string): Destination {
  return {
    to: command,
    async attempt({ alert }) {
      const given = { env: alertEnvironment(alert), stdin: `${alertJson(alert)}\n` }
      const result = await runShellCommand(command, TIMEOUT, given)
      return result.kind === 'done' ? result : { ...result, again: 'no' }
    },
  }
}

const TIMEOUT: DurationMs = durationMs(30 * SECOND_MS)
