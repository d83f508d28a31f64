import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { parse } from 'yaml'
import { root } from '../_source-files.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { freePorts } from './_ports.ts'
import { runOk } from './_program.ts'

/** An entry of `outputs` in a configuration file. */
type OutputKeys = Readonly<Record<string, string>>

/** What is fed. */
export interface FeedOptions {
  /** Made already; its own. */
  readonly folder: string
  /** As `everstaple outputs` calls it. */
  readonly server: string
  /** Files that are managed. */
  readonly certificates: readonly string[]
  /** What of its output is configured before the lines are printed, so that they have it: paths and commands other than the machine's own. */
  readonly configured?: OutputKeys
}

/** everstaple as `everstaple outputs` says that it be configured for a server, and the lines that are for the server. */
export interface Feed extends AsyncDisposable {
  /** The printed lines whose place matches, for each place. */
  places(pattern: RegExp): readonly (readonly string[])[]
  /** All of them as one text. */
  lines(pattern?: RegExp): string
  /** Has the responders asked again for everything, by a restart. */
  refresh(): Promise<void>
  /** Ends everstaple as a crash does. */
  kill(): Promise<void>
}

/** Prints the lines for a server, then runs everstaple with those that are its own, and waits until every staple is there. */
export async function startFeed(options: FeedOptions): Promise<Feed> {
  const { folder, server, certificates, configured } = options
  const [port] = await freePorts(1)
  const config = {
    listen: `127.0.0.1:${port}`,
    certificates,
    data: 'data',
    responders: { allowAddresses: ['127.0.0.1'] },
    outputs:
      configured === undefined ? [] : [{ server, file: `{source}.${server}.ocsp`, ...configured }],
  }
  const printed = await printedLines(folder, server, config)
  const keys = parse(printed.everstapleLines.join('\n')) as { outputs?: OutputKeys[] }
  const outputs = (keys.outputs ?? []).map((output) => ({ ...output, debounce: '50ms' }))
  const start = async () => {
    const everstaple = await startEverstaple(folder, { ...config, ...keys, outputs })
    try {
      await ready(everstaple, outputs, certificates)
    } catch (error) {
      await everstaple.program.stop('SIGKILL')
      throw error
    }
    return everstaple
  }
  let everstaple = await start()
  const places = (pattern: RegExp) =>
    printed.serverLines.filter(({ place }) => pattern.test(place)).map(({ lines }) => lines)
  return {
    places,
    lines: (pattern = /^/) => places(pattern).flat().join('\n'),
    async refresh() {
      await everstaple.program.stop()
      // The times of responses are whole seconds: what comes from here on is newer.
      await wait(1_000 - (Date.now() % 1_000))
      using database = new DatabaseSync(join(folder, 'data', 'everstaple.db'))
      database.exec('UPDATE schedule SET due_at = 0')
      everstaple = await start()
    },
    async kill() {
      await everstaple.program.stop('SIGKILL')
    },
    [Symbol.asyncDispose]: () => everstaple[Symbol.asyncDispose](),
  }
}

/** What `everstaple outputs SERVER --json` prints. */
interface Printed {
  readonly serverLines: readonly { readonly place: string; readonly lines: readonly string[] }[]
  readonly everstapleLines: readonly string[]
}

async function printedLines(folder: string, server: string, config: object): Promise<Printed> {
  const file = join(folder, 'before.yaml')
  await writeFile(file, JSON.stringify(config))
  const main = join(root, 'dist/cli/main.js')
  const args = [main, 'outputs', server, '--config', file, '--json']
  return JSON.parse(await runOk(process.execPath, args)) as Printed
}

/** Each staple is told of once it is stored, and again once it is in its file; then the server is reloaded. */
async function ready(
  { program }: Everstaple,
  outputs: readonly OutputKeys[],
  { length }: readonly string[],
): Promise<void> {
  const event = outputs.length > 0 ? 'fileWritten' : 'stapleStored'
  const [all] = await program.wrote(new RegExp(`^(?:[\\s\\S]*?"event":"${event}"){${length}}`))
  if (outputs.some(({ reload, socket }) => reload !== undefined && socket === undefined)) {
    await program.wrote(/"event":"reloaded"/, all.length)
  }
}
