import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Everstaple, startEverstaple } from '../_everstaple.ts'
import { freePorts } from '../_ports.ts'

/** `everstaple run`, which is killed now and then. */
export interface KillableEverstaple extends AsyncDisposable {
  /** `http://127.0.0.1:40123`, in each of its lives. */
  readonly url: string
  /** Ends it as a crash does, and starts it again with everything due. */
  kill(): Promise<void>
  /** How often something was logged, over all its lives. */
  count(event: string): number
}

/** Starts it for the certificates in `folder`, and waits until the files of all outputs are written. */
export async function startKillableEverstaple(
  folder: string,
  outputs: readonly object[],
): Promise<KillableEverstaple> {
  const [port] = await freePorts(1)
  const start = () =>
    startEverstaple(folder, {
      listen: `127.0.0.1:${port}`,
      certificates: ['certificates'],
      data: 'data',
      responders: { allowAddresses: ['127.0.0.1'] },
      outputs,
    })
  let everstaple: Everstaple = await start()
  let former = ''
  await everstaple.program.wrote(
    new RegExp(`^(?:[\\s\\S]*?"event":"fileWritten"){${outputs.length}}`),
  )
  return {
    url: everstaple.url,
    async kill() {
      await everstaple.program.stop('SIGKILL')
      former += everstaple.program.output()
      makeAllDue(folder)
      everstaple = await start()
    },
    count: (event) => (former + everstaple.program.output()).split(`"event":"${event}"`).length - 1,
    [Symbol.asyncDispose]: () => everstaple[Symbol.asyncDispose](),
  }
}

/** What was being fetched in a crash else waits three minutes, and what was fetched waits for a quarter of its life. */
function makeAllDue(folder: string): void {
  using database = new DatabaseSync(join(folder, 'data', 'everstaple.db'))
  database.exec('UPDATE schedule SET due_at = 0')
}
