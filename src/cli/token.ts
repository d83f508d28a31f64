import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type DurationMs, durationMs, iso, SECOND_MS } from '../der/time.ts'
import { writeDurably } from '../edge/durable-file.ts'
import {
  createToken,
  formatTokens,
  type Scope,
  TOKEN_FILE,
  TokenFile,
  type TokenRecord,
} from '../serve/tokens.ts'
import { FileLockError, lockFile } from '../store/file-lock.ts'
import { storeError } from '../store/sqlite-error.ts'
import type { Clock } from '../time/clock.ts'
import { readSettings } from './settings.ts'
import { columns, type ExitStatus, oneLine, type Terminal, UsageError } from './terminal.ts'

/** What every `everstaple token …` takes. */
export interface TokenOptions {
  readonly config?: string | undefined
  readonly data?: string | undefined
  readonly json?: boolean | undefined
}

interface Surroundings {
  readonly terminal: Terminal
  readonly clock: Clock
}

/** Makes a token and shows it, this once; a running service takes it at once. Throws a {@link UsageError}. */
export async function createTokenCommand(
  { name, scope, ...options }: TokenOptions & { readonly name: string; readonly scope: Scope },
  { terminal, clock }: Surroundings,
): Promise<ExitStatus> {
  const path = await pathOf(options)
  const { token, record } = createToken(name, scope, clock.now())
  await change(path, (records) => {
    if (records.every((one) => one.name !== name)) return [...records, record]
    throw new UsageError(
      `there is a token '${name}' already`,
      `choose another name, or give \`everstaple token revoke ${name}\` first`,
    )
  })
  if (options.json) terminal.out(JSON.stringify({ name, scope, token }))
  else {
    terminal.out(token)
    // Without --config or --data it is easily made for another service than the one that runs.
    const whose = `the service whose data is in ${oneLine(dirname(path))}`
    terminal.err(`everstaple: the token '${name}' (${scope}) of ${whose}, shown this once`)
  }
  return 0
}

/** Lists the tokens by name: never themselves. */
export async function listTokensCommand(
  options: TokenOptions,
  { terminal }: Surroundings,
): Promise<ExitStatus> {
  const records = await new TokenFile(await pathOf(options)).records()
  const rows = records.map(({ name, scope, createdAt }) => ({
    name,
    scope,
    createdAt: iso(createdAt),
  }))
  if (options.json) terminal.out(JSON.stringify({ tokens: rows }))
  else {
    const lines = columns(rows.map((row) => [oneLine(row.name), row.scope, row.createdAt]))
    for (const line of lines.length === 0 ? ['no tokens'] : lines) terminal.out(line)
  }
  return 0
}

/** Ends a token; a running service refuses it at once. Throws a {@link UsageError}. */
export async function revokeTokenCommand(
  { name, ...options }: TokenOptions & { readonly name: string },
  { terminal }: Surroundings,
): Promise<ExitStatus> {
  const path = await pathOf(options)
  await change(path, (records) => {
    const left = records.filter((record) => record.name !== name)
    if (left.length < records.length) return left
    throw new UsageError(
      `there is no token '${name}'`,
      '`everstaple token list` names those there are',
    )
  })
  terminal.out(options.json ? JSON.stringify({ revoked: name }) : `revoked ${oneLine(name)}`)
  return 0
}

async function pathOf({ config, data }: TokenOptions): Promise<string> {
  const settings = await readSettings({ config, data })
  return join(settings.data, TOKEN_FILE)
}

/** One at a time: a provisioning tool makes tokens for many edges at once. */
async function change(
  path: string,
  changed: (records: readonly TokenRecord[]) => readonly TokenRecord[],
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  using _alone = lock(`${path}.lock`)
  const records = changed(await new TokenFile(path).records())
  await writeDurably(path, Buffer.from(formatTokens(records)), 0o600)
}

function lock(path: string): Disposable {
  try {
    return lockFile(path, PATIENCE)
  } catch (error) {
    if (!(error instanceof FileLockError)) throw storeError(error, path)
    throw new UsageError(error.message, 'another `everstaple token` has not ended: end it')
  }
}

/** For a hundred others: each takes some milliseconds. */
const PATIENCE: DurationMs = durationMs(30 * SECOND_MS)
