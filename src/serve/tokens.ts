import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import { type EpochMs, epochMs, iso } from '../der/time.ts'

/** What a token allows: each allows what the ones before it do. */
export const scopes = ['read', 'edge', 'admin'] as const

/** `read`: reports and the feed. `edge`: what an agent does as well. `admin`: all. */
export type Scope = (typeof scopes)[number]

/** The name of the file in the data folder. */
export const TOKEN_FILE = 'tokens.json'

/** A token as it is kept: never itself. */
export interface TokenRecord {
  /** By which it is revoked. */
  readonly name: string
  readonly scope: Scope
  /** SHA-256 of the token, lower-case hex. It is random and long, so that a slow hash would add nothing. */
  readonly sha256: string
  readonly createdAt: EpochMs
}

/** A new token, which is shown once, and its record. */
export function createToken(
  name: string,
  scope: Scope,
  now: EpochMs,
): { readonly token: string; readonly record: TokenRecord } {
  const token = `evs_${randomBytes(32).toString('base64url')}`
  return { token, record: { name, scope, sha256: digestOf(token), createdAt: now } }
}

/** The file is no list of tokens; the message says where and what to do. */
export class TokenFileError extends Error {
  override readonly name = 'TokenFileError'
  readonly code = 'TOKEN_FILE'
}

/** The tokens in a file, read again when it has changed; where there is no file, there are none. */
export class TokenFile {
  readonly #path: string
  #read: { readonly version: string; readonly records: readonly TokenRecord[] } | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** Rejects with a {@link TokenFileError}, or what reading the file gave. */
  async records(): Promise<readonly TokenRecord[]> {
    const version = await versionOf(this.#path)
    if (version === undefined) return []
    if (this.#read?.version !== version) {
      this.#read = { version, records: parseTokens(await readFile(this.#path, 'utf8'), this.#path) }
    }
    return this.#read.records
  }

  /** The record of a token; `undefined` where it is none of ours, or was revoked. */
  async find(token: string): Promise<TokenRecord | undefined> {
    const given = Buffer.from(digestOf(token), 'hex')
    return (await this.records()).find(({ sha256 }) =>
      timingSafeEqual(Buffer.from(sha256, 'hex'), given),
    )
  }
}

/** Whether a token of one scope may do what needs another. */
export function allows(scope: Scope, needed: Scope): boolean {
  return scopes.indexOf(scope) >= scopes.indexOf(needed)
}

/** The content of the file for these tokens. */
export function formatTokens(records: readonly TokenRecord[]): string {
  const tokens = records.map((record) => ({ ...record, createdAt: iso(record.createdAt) }))
  return `${JSON.stringify({ tokens }, null, 2)}\n`
}

function parseTokens(text: string, path: string): TokenRecord[] {
  try {
    return fileForm.parse(JSON.parse(text)).tokens.map((token) => {
      return { ...token, createdAt: epochMs(Date.parse(token.createdAt)) }
    })
  } catch (cause) {
    const message = `${path} is no list of tokens; restore it from a backup, or remove it and create the tokens again`
    throw new TokenFileError(message, { cause })
  }
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs, size } = await stat(path)
    return `${ino} ${mtimeMs} ${size}`
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

const fileForm = z.strictObject({
  tokens: z.array(
    z.strictObject({
      name: z.string(),
      scope: z.enum(scopes),
      sha256: z.string().regex(/^[\da-f]{64}$/),
      createdAt: z.iso.datetime(),
    }),
  ),
})
