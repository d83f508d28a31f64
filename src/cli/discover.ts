import { open, stat } from 'node:fs/promises'
import { discover } from '../edge/discover/discover.ts'
import { proposalText } from '../edge/discover/proposal-text.ts'
import { type Proposal, titles } from '../edge/discover/proposed.ts'
import type { Clock } from '../time/clock.ts'
import { type ExitStatus, oneLine, type Terminal, UsageError } from './terminal.ts'

/** What `everstaple discover` takes. */
export interface DiscoverCommandOptions {
  readonly root?: string | undefined
  readonly out?: string | undefined
  readonly json?: boolean | undefined
}

/**
 * Proposes a configuration for the servers on this machine: status 1 where there is nothing to staple. Throws a
 * {@link UsageError} where `root` is no folder, or the file to write is there already.
 */
export async function discoverCommand(
  { root = '/', out, json }: DiscoverCommandOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
): Promise<ExitStatus> {
  if (!(await isFolder(root))) {
    throw new UsageError(`'${root}' is no folder`, 'give --root the root folder of a machine')
  }
  const now = clock.now()
  const { configurations, proposal } = await discover({ root, listen: LISTEN, now })
  const file = out ?? 'everstaple.yaml'
  const configuration = proposalText(proposal, { madeAt: now, listen: LISTEN, file })
  const isWorthIt = proposal.certificates.some(({ kind }) => kind === 'staple')
  if (out !== undefined && isWorthIt) await writeNew(out, configuration)
  const servers = configurations.map(({ server, files, blocks }) => ({ server, files, blocks }))
  if (json) terminal.out(JSON.stringify({ root, servers, ...proposal, configuration }))
  else if (out === undefined) terminal.out(configuration.trimEnd())
  else if (isWorthIt)
    terminal.out(oneLine(`${out}: ${summaryOf(proposal)}; read it, then start everstaple with it`))
  for (const { path, problem } of proposal.problems) {
    terminal.err(oneLine(`everstaple: ${path}: ${problem}`))
  }
  if (isWorthIt) return 0
  const found = servers.map(({ server }) => titles[server])
  terminal.err(
    found.length === 0
      ? `everstaple: found no configuration of ${Object.values(titles).join(', ')}`
      : `everstaple: found nothing to staple in the configuration of ${found.join(', ')}`,
  )
  return 1
}

function summaryOf({ certificates, outputs }: Proposal): string {
  const count = (kind: string) => certificates.filter((each) => each.kind === kind).length
  const parts = [
    `${count('staple')} to staple`,
    `${count('nothing')} with nothing to staple`,
    `${count('unreadable')} not to be read`,
    outputs.length === 1 ? '1 output' : `${outputs.length} outputs`,
  ]
  return parts.join(', ')
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ?? false
}

/** Never over what is there: it may have been edited since. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await using file = await open(path, 'wx', 0o644)
    await file.writeFile(text)
    await file.sync()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      throw new UsageError(`'${path}' is there already`, 'give --out the path of a new file')
    }
    throw new UsageError(
      `'${path}' cannot be written: ${message}`,
      'give --out a path in a folder that is there and that you may write to',
    )
  }
}

/** The default of `listen`, written out as servers are told to ask there. */
const LISTEN = '127.0.0.1:8888'
