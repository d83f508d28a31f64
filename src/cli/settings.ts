import type { Config, ConfigFlags } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { describeProblem } from '../config/problem.ts'
import { UsageError } from './terminal.ts'

/** The flags that every command with a configuration takes. */
export interface SettingsFlags extends ConfigFlags {
  readonly config?: string | undefined
}

/** The configuration from file and flags. Throws a {@link UsageError} with everything that is wrong. */
export async function readSettings({ config: path, ...flags }: SettingsFlags): Promise<Config> {
  const resolution = await loadConfig({ path, flags })
  if (resolution.kind === 'config') return resolution.config
  throw new UsageError(
    resolution.problems.map(describeProblem).join('\n'),
    'docs/configuration.md describes every key',
  )
}
