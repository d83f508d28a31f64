import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { type ConfigFlags, type Resolution, resolveConfig } from './config.ts'

/** Where a configuration comes from. */
export interface ConfigSource {
  /** The file; without one, flags and defaults are all there is. */
  readonly path: string | undefined
  readonly flags: ConfigFlags
}

/** The configuration file cannot be read; the message says what to do. */
export class ConfigFileError extends Error {
  override readonly name = 'ConfigFileError'
  readonly code = 'CONFIG_FILE'
}

/** Reads the configuration file and resolves it for this process. Throws a {@link ConfigFileError} where it cannot be read. */
export async function loadConfig({ path, flags }: ConfigSource): Promise<Resolution> {
  const file = path === undefined ? undefined : { path, text: await readConfigFile(path) }
  const user = process.getuid?.() === 0 ? 'root' : 'ordinary'
  return resolveConfig({ file, flags, env: { cwd: process.cwd(), home: homedir(), user } })
}

async function readConfigFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const problem = code === 'ENOENT' ? 'there is no such file' : message
    throw new ConfigFileError(
      `configuration file '${path}' cannot be read: ${problem}; give --config the path of a file that is there and readable`,
      { cause },
    )
  }
}
