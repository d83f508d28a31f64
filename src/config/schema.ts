import { isIPv6 } from 'node:net'
import { z } from 'zod'
import type { AlertSettings, HookSettings } from '../alerts/alerts.ts'
import { DAY_MS, type DurationMs, SECOND_MS } from '../der/time.ts'
import { PathTemplateError, pathTemplate } from '../edge/outputs/path-template.ts'
import type { OutputSettings } from '../edge/server-output.ts'
import { serverNames } from '../edge/targets.ts'
import { type ClientName, clientNames } from '../ocsp/clients.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { parseTarget, type Target } from '../probe/target.ts'
import { parseAllowedAddresses } from '../responders/address-screen.ts'
import type { ListenAddress } from '../serve/listen-address.ts'
import type { TlsFiles } from '../serve/tls-files.ts'
import { parseDuration } from '../time/duration.ts'

/** The keys of the file, each checked by itself, with the defaults that depend on nothing else. */
export interface FileKeys {
  readonly certificates?: readonly string[] | undefined
  readonly tags: Readonly<Record<string, readonly string[]>>
  readonly data?: string | undefined
  readonly listen?: ListenAddress | undefined
  readonly ocspListen?: ListenAddress | undefined
  readonly tls?: TlsFiles | undefined
  readonly responders: {
    readonly allowAddresses: readonly string[]
    readonly concurrency: { readonly total: number; readonly perResponder: number }
    readonly ratePerSecond: number
  }
  readonly policy: {
    readonly clients: readonly ClientName[]
    readonly sha1Signatures: 'refuse' | 'accept'
    readonly revoked: 'withdraw' | 'staple'
    readonly maxSizeBytes: number
  }
  /** In a `Config`, a path template is absolute, or begins with a placeholder that is. */
  readonly outputs: readonly OutputSettings[]
  readonly alerts: AlertSettings
  /** What the service checks, and `everstaple probe` where no server is named. */
  readonly probe: { readonly targets: readonly Target[]; readonly every: DurationMs }
  /** What `everstaple agent` does. */
  readonly agent: {
    readonly server?: string | undefined
    readonly tokenFile?: string | undefined
    readonly ca?: string | undefined
    readonly name?: string | undefined
    readonly register: boolean
    readonly fallback: 'none' | 'direct'
  }
  readonly log: { readonly format?: 'text' | 'json' | undefined }
}

const path = z
  .string({ error: 'a path' })
  .refine((text) => text !== '' && !text.startsWith('~'), 'a path; ~ is not replaced in it')

const listenAddress = text('HOST:PORT, such as 127.0.0.1:8888 or "[::1]:8888"', parseListen)

const serverUrl = text(
  'a URL, such as https://staples.example.org:8443, without user name and password',
  (written) => (isWebUrl(written) ? written : undefined),
)

const edgeName = text('letters, digits, dots, hyphens and underscores, at most 100', (written) =>
  /^[\w.-]{1,100}$/.test(written) ? written : undefined,
)

const duration = text('a length of time of at most 30s, such as 500ms or 2s', (written) => {
  const parsed = parseDuration(written)
  return parsed === undefined || parsed > MAX_DEBOUNCE_MS ? undefined : parsed
})

const target = text('HOST or HOST:PORT, such as www.example.org:443', (written) =>
  parseTarget(written),
)

const probeInterval = text('a length of time from 1s to 1d, such as 60s', (written) => {
  const parsed = parseDuration(written)
  const isFit = parsed !== undefined && parsed >= SECOND_MS && parsed <= DAY_MS
  return isFit ? parsed : undefined
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

const command = z.string({ error: 'a command' }).min(1, 'a command').optional()

const output = map({
  certificates: z
    .array(path, { error: 'a list of paths' })
    .min(1, 'at least one path')
    .optional()
    .meta({ description: 'Files and folders: only certificates in them. Default: all.' }),
  server: word(serverNames).optional().meta({
    description: 'The server that gets the staples: what it would mishandle is kept from it.',
  }),
  file: z
    .string({ error: 'a path template' })
    .superRefine(checkTemplate)
    .optional()
    .meta({ description: 'Where the staples go: a path with placeholders, such as {name}.' }),
  socket: text('an absolute path, or HOST:PORT', (written) =>
    isSocket(written) ? written : undefined,
  )
    .optional()
    .meta({ description: "HAProxy's runtime socket, by which a running HAProxy gets staples." }),
  test: command.meta({
    description: 'Command for /bin/sh, run before reload; where it fails, reload is not run.',
  }),
  reload: command.meta({ description: 'Command for /bin/sh, run after files changed.' }),
  debounce: duration
    .prefault('2s')
    .meta({ description: 'Quiet after the last change before the command runs.' }),
}).superRefine(checkOutput)

const webhookUrl = text('a URL of http or https, without user name and password', (written) =>
  isWebUrl(written) ? new URL(written).href : undefined,
)

const hook = map({
  command: z
    .string({ error: 'a command' })
    .min(1, 'a command')
    .optional()
    .meta({ description: 'Command for /bin/sh; the facts are in its environment.' }),
  webhook: webhookUrl.optional().meta({ description: 'URL that is posted to.' }),
  secretFile: path
    .optional()
    .meta({ description: 'File with the key that signs what is posted, in base64.' }),
})
  .transform((written, context): HookSettings => {
    const { command, webhook, secretFile } = written
    if (command !== undefined && webhook === undefined && secretFile === undefined) {
      return { kind: 'command', command }
    }
    if (command === undefined && webhook !== undefined && secretFile !== undefined) {
      return { kind: 'webhook', url: webhook, secretFile }
    }
    context.addIssue({ code: 'custom', message: 'a command, or a webhook with its secretFile' })
    return z.NEVER
  })
  .meta({ id: 'hook' })

const hooks = z.array(hook, { error: 'a list of commands and webhooks' }).default([])

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
  tags: z
    .record(edgeName, z.array(path, { error: 'a list of paths' }), { error: 'a map of tags' })
    .default({})
    .meta({ description: 'Names for files and folders, by which the change feed is filtered.' }),
  data: path.optional().meta({ description: 'Folder for what must survive a restart.' }),
  listen: listenAddress
    .optional()
    .meta({ description: 'Where to serve OCSP, the API, metrics and health.' }),
  ocspListen: listenAddress
    .optional()
    .meta({ description: 'Where to serve OCSP over plain HTTP, and nothing else.' }),
  tls: map({
    certificate: path.meta({
      description: 'PEM file with the certificate of listen, then its chain.',
    }),
    key: path.meta({ description: 'PEM file with its private key.' }),
  }).optional(),
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
    maxSizeBytes: whole(1_024, 65_535)
      .default(defaultPolicy.maxSizeBytes)
      .meta({ description: 'Largest staple that is taken, in bytes.' }),
  }).prefault({}),
  outputs: z
    .array(output, { error: 'a list of outputs' })
    .default([])
    .meta({ description: 'How staples reach the TLS servers of this machine.' }),
  alerts: map({
    onChange: hooks.meta({ description: 'Told of every staple that is stored or withdrawn.' }),
    onFailing: hooks.meta({ description: 'Told when a staple is at risk, and when no longer.' }),
    onRevoked: hooks.meta({ description: 'Told when a CA has revoked a certificate.' }),
  }).prefault({}),
  probe: map({
    targets: z
      .array(target, { error: 'a list of servers' })
      .default([])
      .meta({ description: 'TLS servers that are checked all the time.' }),
    every: probeInterval
      .prefault('60s')
      .meta({ description: 'From one round of checks to the next.' }),
  }).prefault({}),
  agent: map({
    server: serverUrl.optional().meta({ description: 'URL of the centre that agents follow.' }),
    tokenFile: path.optional().meta({ description: 'File with the token for the centre.' }),
    ca: path.optional().meta({ description: 'PEM file with certificates to trust the centre by.' }),
    name: edgeName
      .optional()
      .meta({ description: 'What the edge calls itself. Default: the host name.' }),
    register: z
      .boolean({ error: 'true or false' })
      .default(false)
      .meta({ description: 'Whether the centre is asked to manage certificates of the edge.' }),
    fallback: word(['none', 'direct'])
      .default('none')
      .meta({ description: 'Whether CAs are asked directly while the centre is away.' }),
  }).prefault({}),
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
  const schema = configJsonSchema()
  let map: z.core.JSONSchema.BaseSchema | undefined = schema
  for (const step of path) {
    const next: unknown = typeof step === 'number' ? map?.items : map?.properties?.[String(step)]
    map = typeof next === 'object' ? (next as z.core.JSONSchema.BaseSchema) : undefined
    // What is used in several places is defined in one.
    map = schema.$defs?.[map?.$ref?.replace('#/$defs/', '') ?? ''] ?? map
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
  return whole(1, most)
}

function whole(least: number, most: number): z.ZodInt {
  const error = `a whole number from ${least} to ${most}`
  return z.int({ error }).min(least, error).max(most, error)
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

/** What it has in it is logged, so there must be no secret. */
function isWebUrl(written: string): boolean {
  const url = URL.parse(written)
  return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === ''
}

function isSocket(written: string): boolean {
  if (written.startsWith('/')) return true
  const { port = 0 } = parseListen(written) ?? {}
  return port > 0
}

/** What no key can tell by itself. */
function checkOutput(
  { server, file, socket, test, reload }: Partial<OutputSettings>,
  context: z.RefinementCtx,
): void {
  const refuse = (key: string, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message })
  if (file === undefined && socket === undefined) refuse('file', 'a path template, or a socket')
  const isHaproxy = server === 'haproxy'
  if (socket !== undefined && !isHaproxy) refuse('server', 'haproxy, as a socket is given')
  if (test !== undefined && reload === undefined) refuse('reload', 'a command, as a test is given')
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
