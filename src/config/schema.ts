import { isIPv6 } from 'node:net'
import { z } from 'zod'
import { type DurationMs, SECOND_MS } from '../der/time.ts'
import { PathTemplateError, pathTemplate } from '../edge/outputs/path-template.ts'
import { type ClientName, clientNames } from '../ocsp/clients.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { parseAllowedAddresses } from '../responders/address-screen.ts'
import { parseDuration } from '../time/duration.ts'

/** Where to listen. Port 0 takes any free one. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** The keys of the file, each checked by itself, with the defaults that depend on nothing else. */
export interface FileKeys {
  readonly certificates?: readonly string[] | undefined
  readonly data?: string | undefined
  readonly listen?: ListenAddress | undefined
  readonly responders: {
    readonly allowAddresses: readonly string[]
    readonly concurrency: { readonly total: number; readonly perResponder: number }
    readonly ratePerSecond: number
  }
  readonly policy: {
    readonly clients: readonly ClientName[]
    readonly sha1Signatures: 'refuse' | 'accept'
    readonly revoked: 'withdraw' | 'staple'
  }
  readonly outputs: readonly FileOutputConfig[]
  readonly log: { readonly format?: 'text' | 'json' | undefined }
}

/** Staples written to files. */
export interface FileOutputConfig {
  /** A path template, as `pathTemplate` reads it. In a `Config` it is absolute, or begins with a placeholder that is. */
  readonly file: string
  /** A command line for `/bin/sh`. */
  readonly reload?: string | undefined
  readonly debounce: DurationMs
}

const path = z
  .string({ error: 'a path' })
  .refine((text) => text !== '' && !text.startsWith('~'), 'a path; ~ is not replaced in it')

const listenAddress = text('HOST:PORT, such as 127.0.0.1:8888 or "[::1]:8888"', parseListen)

const duration = text('a length of time of at most 30s, such as 500ms or 2s', (written) => {
  const parsed = parseDuration(written)
  return parsed === undefined || parsed > MAX_DEBOUNCE_MS ? undefined : parsed
})

const allowedAddress = text('an address as 192.0.2.1, or a prefix as 127.0.0.0/8', (entry) =>
  'kind' in parseAllowedAddresses([entry]) ? undefined : entry,
)

const clients = z
  .union(
    [
      z.literal('all'),
      z
        .array(z.enum(clientNames, { error: `one of ${clientNames.join(', ')}` }))
        .min(1, 'all, or at least one client'),
    ],
    { error: `all, or a list of some of ${clientNames.join(', ')}` },
  )
  .transform((written) => (written === 'all' ? clientNames : written))

const fileOutput = map({
  file: z
    .string({ error: 'a path template' })
    .superRefine(checkTemplate)
    .meta({ description: 'Where the staples go: a path with placeholders, such as {name}.' }),
  reload: z
    .string({ error: 'a command' })
    .min(1, 'a command')
    .optional()
    .meta({ description: 'Command for /bin/sh, run after files changed.' }),
  debounce: duration
    .prefault('2s')
    .meta({ description: 'Quiet after the last change before the command runs.' }),
})

const concurrency = map({
  total: count(1_024)
    .default(64)
    .meta({ description: 'Exchanges at a time, over all responders.' }),
  perResponder: count(256)
    .optional()
    .meta({ description: 'Exchanges at a time with one responder. Default: 8, or total.' }),
})
  .refine(({ total, perResponder }) => perResponder === undefined || perResponder <= total, {
    error: 'no more than total',
    path: ['perResponder'],
  })
  .transform(({ total, perResponder = Math.min(8, total) }) => ({ total, perResponder }))

/** The file. The message of every issue is what was required, in words for people. */
export const fileKeys: z.ZodType<FileKeys> = map({
  certificates: z
    .array(path, { error: 'a list of paths' })
    .optional()
    .meta({ description: 'Files and folders with certificates; they are watched.' }),
  data: path.optional().meta({ description: 'Folder for what must survive a restart.' }),
  listen: listenAddress.optional().meta({ description: 'Where to serve OCSP and health.' }),
  responders: map({
    allowAddresses: z
      .array(allowedAddress, { error: 'a list of addresses and prefixes' })
      .default([])
      .meta({ description: 'Addresses outside of the public internet that may be asked.' }),
    concurrency: concurrency.prefault({}),
    ratePerSecond: count(100_000)
      .default(200)
      .meta({ description: 'Requests a second to one responder, at most, on average.' }),
  }).prefault({}),
  policy: map({
    clients: clients.prefault('all').meta({ description: 'Clients that must accept a staple.' }),
    sha1Signatures: word(['refuse', 'accept'])
      .default(defaultPolicy.sha1Signatures)
      .meta({ description: 'Whether responses signed with SHA-1 are taken.' }),
    revoked: word(['withdraw', 'staple'])
      .default(defaultPolicy.revoked)
      .meta({ description: 'Whether a response that says revoked is stapled, or nothing.' }),
  }).prefault({}),
  outputs: z
    .array(fileOutput, { error: 'a list of outputs' })
    .default([])
    .meta({ description: 'How staples reach the TLS servers of this machine.' }),
  log: map({
    format: word(['text', 'json'])
      .optional()
      .meta({ description: 'Lines for people, or one JSON object a line.' }),
  }).prefault({}),
})

/** The file's format as JSON Schema, for editors: `everstaple.schema.json`. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  return { title: 'Configuration of everstaple', ...z.toJSONSchema(fileKeys, { io: 'input' }) }
}

/** The keys that the map at `path` may have; none where no map belongs. */
export function allowedKeys(path: readonly PropertyKey[]): readonly string[] {
  let map: z.core.JSONSchema.BaseSchema | undefined = configJsonSchema()
  for (const step of path) {
    const next: unknown = typeof step === 'number' ? map?.items : map?.properties?.[String(step)]
    map = typeof next === 'object' ? (next as z.core.JSONSchema.BaseSchema) : undefined
  }
  return Object.keys(map?.properties ?? {})
}

function map<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, { error: 'a map of keys and values' })
}

function word<const Words extends readonly string[]>(words: Words) {
  return z.enum(words, { error: words.join(' or ') })
}

function count(most: number): z.ZodInt {
  const error = `a whole number from 1 to ${most}`
  return z.int({ error }).min(1, error).max(most, error)
}

/** A string that `parse` reads; `undefined` from it means that the string is not what is `required`. */
function text<Value>(required: string, parse: (written: string) => Value | undefined) {
  return z.string({ error: required }).transform((written, context): Value => {
    const value = parse(written)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: required })
    return z.NEVER
  })
}

function parseListen(written: string): ListenAddress | undefined {
  const { host, address, port } = LISTEN.exec(written)?.groups ?? {}
  if (port === undefined || Number(port) > MAX_PORT) return undefined
  if (address !== undefined && !isIPv6(address)) return undefined
  return { host: address ?? host ?? '', port: Number(port) }
}

/** Paths that are relative are resolved later; the rest of the template's rules hold from here. */
function checkTemplate(template: string, context: z.RefinementCtx): void {
  try {
    pathTemplate(/^[/{]/.test(template) ? template : `/${template}`)
  } catch (error) {
    if (!(error instanceof PathTemplateError)) throw error
    context.addIssue({ code: 'custom', message: `a path template: ${error.message}` })
  }
}

const LISTEN = /^(?:\[(?<address>[\da-fA-F:.]+)\]|(?<host>[A-Za-z\d.-]+)):(?<port>\d{1,5})$/
const MAX_PORT = 65_535
/** A reloader waits no longer than this since the first change, so more would never be kept. */
const MAX_DEBOUNCE_MS = 30 * SECOND_MS
