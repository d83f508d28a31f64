import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { iso } from '../der/time.ts'
import { writeDurably } from '../edge/durable-file.ts'
import { createToken, formatTokens, type Scope, TOKEN_FILE, TokenFile } from '../serve/tokens.ts'
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
  const records = await new TokenFile(path).records()
  if (records.some((record) => record.name === name)) {
    throw new UsageError(
      `there is a token '${name}' already`,
      `choose another name, or give \`everstaple token revoke ${name}\` first`,
    )
  }
  const { token, record } = createToken(name, scope, clock.now())
  await save(path, formatTokens([...records, record]))
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
  const records = await new TokenFile(path).records()
  const left = records.filter((record) => record.name !== name)
  if (left.length === records.length) {
    throw new UsageError(
      `there is no token '${name}'`,
      '`everstaple token list` names those there are',
    )
  }
  await save(path, formatTokens(left))
  terminal.out(options.json ? JSON.stringify({ revoked: name }) : `revoked ${oneLine(name)}`)
  return 0
}

async function pathOf({ config, data }: TokenOptions): Promise<string> {
  const settings = await readSettings({ config, data })
  return join(settings.data, TOKEN_FILE)
}

async function save(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 })
  await writeDurably(path, Buffer.from(text), 0o600)
}
