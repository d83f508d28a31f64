import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../_source-files.ts'
import { type RunningProgram, startProgram } from './_program.ts'

/** The built command, run as a user runs it. */
export interface Everstaple extends AsyncDisposable {
  readonly program: RunningProgram
  /** `http://127.0.0.1:40123`. */
  readonly url: string
  /** Resolves when a line of the log, after the first `skipped` characters of it, has this event. */
  logged(event: string, skipped?: number): Promise<void>
}

/** Starts `everstaple run`, or an agent, with a configuration file in `folder`, on a free port, and waits until it serves. */
export async function startEverstaple(
  folder: string,
  config: object,
  command: 'run' | 'agent' = 'run',
): Promise<Everstaple> {
  return launchEverstaple({ folder, config, command })
}

/** How a command is launched. */
export interface LaunchOptions {
  readonly folder: string
  readonly config: object
  readonly command: 'run' | 'agent'
  /** Over that of the tests. */
  readonly env?: Readonly<Record<string, string>>
  /** A command that runs the one that it is given as arguments, in its own place: `unshare -m`. */
  readonly by?: readonly string[]
}

/** As {@link startEverstaple}, with an environment of its own. */
export async function launchEverstaple(options: LaunchOptions): Promise<Everstaple> {
  const { folder, config, command, env = {}, by = [] } = options
  const file = join(folder, 'everstaple.yaml')
  // JSON is YAML.
  await writeFile(
    file,
    JSON.stringify({ listen: '127.0.0.1:0', log: { format: 'json' }, ...config }),
  )
  const main = join(root, 'dist/cli/main.js')
  const [path, ...args] = [...by, process.execPath, main, command, '--config', file]
  const program = await startProgram({
    ...{ path, args },
    ready: /"event":"serviceStarted","url":"([^"]+)"/,
    env,
  })
  return {
    program,
    url: program.ready[1] ?? '',
    async logged(event, skipped) {
      await program.wrote(new RegExp(`"event":"${event}".*\n`), skipped)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
