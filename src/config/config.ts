import { dirname, join, resolve } from 'node:path'
import type { AlertSettings, HookSettings } from '../alerts/alerts.ts'
import type { OutputSettings } from '../edge/server-output.ts'
import { defaultPolicy, type Policy } from '../ocsp/policy.ts'
import type { ListenAddress } from '../serve/listen-address.ts'
import type { TlsFiles } from '../serve/tls-files.ts'
import { checkKeys } from './check-keys.ts'
import { type FileResult, parseFile } from './parse-file.ts'
import type { ConfigProblem } from './problem.ts'
import type { FileKeys } from './schema.ts'

/** All that can be set, with every default and path filled in. Frozen all through; two of the same settings are deeply equal. */
export interface Config {
  /** Absolute paths of files and folders, that of the listener's own certificate among them. */
  readonly certificates: readonly string[]
  /** Absolute paths of files and folders, by the tag that certificates in them have. */
  readonly tags: Readonly<Record<string, readonly string[]>>
  /** Absolute path of the folder for what must survive a restart. */
  readonly data: string
  readonly listen: ListenAddress
  readonly ocspListen: ListenAddress | undefined
  /** With absolute paths. */
  readonly tls: TlsFiles | undefined
  readonly responders: RespondersConfig
  readonly policy: Policy
  readonly outputs: readonly OutputSettings[]
  readonly alerts: AlertSettings
  readonly probe: FileKeys['probe']
  /** With absolute paths. */
  readonly agent: FileKeys['agent']
  readonly log: { readonly format: 'text' | 'json' }
}

/** How responders are asked. */
export interface RespondersConfig {
  /** Addresses and prefixes that `parseAllowedAddresses` reads: checked. */
  readonly allowAddresses: readonly string[]
  /** Exchanges at a time. */
  readonly concurrency: { readonly total: number; readonly perResponder: number }
  /** Requests to one responder. */
  readonly ratePerSecond: number
}

/** What the command line gave, as written. Each overrides its key in the file. */
export interface ConfigFlags {
  readonly certificates?: readonly string[] | undefined
  readonly data?: string | undefined
  readonly listen?: string | undefined
  readonly logFormat?: string | undefined
  /** Keys of `policy`, each with its value: `revoked=staple`. */
  readonly policy?: readonly string[] | undefined
  /** Of `agent`, as are the next two. */
  readonly server?: string | undefined
  readonly tokenFile?: string | undefined
  readonly name?: string | undefined
}

/** What defaults and relative paths depend on. */
export interface Surroundings {
  /** The working folder, absolute: flags are relative to it. */
  readonly cwd: string
  readonly home: string
  readonly user: 'root' | 'ordinary'
}

/** What a configuration is made of. */
export interface ConfigInput {
  /** The file, where there is one; `path` is absolute, or relative to the working folder. */
  readonly file: { readonly text: string; readonly path: string } | undefined
  readonly flags: ConfigFlags
  readonly env: Surroundings
}

/** A configuration, or all that is wrong with it: the file from its top to its end, then the flags. */
export type Resolution =
  | { readonly kind: 'config'; readonly config: Config }
  | { readonly kind: 'problems'; readonly problems: readonly ConfigProblem[] }

/** Puts the file, the flags and the defaults together. Pure. */
export function resolveConfig({ file, flags, env }: ConfigInput): Resolution {
  const path = file?.path ?? 'everstaple.yaml'
  const fromFile = parseFile(file?.text ?? '', path)
  const fromFlags = parseFlags(flags)
  if (fromFile.kind === 'keys' && fromFlags.kind === 'keys') {
    const inFile = absolute(fromFile.keys, dirname(resolve(env.cwd, path)))
    const given = absolute(fromFlags.keys, env.cwd)
    const policy = givenOf(given.policy, flags.policy)
    return { kind: 'config', config: deepFreeze(assemble(inFile, { ...given, policy }, env)) }
  }
  const problems = [fromFile, fromFlags].flatMap((result) =>
    result.kind === 'problems' ? result.problems : [],
  )
  return { kind: 'problems', problems }
}

function parseFlags({ logFormat, server, tokenFile, name, ...others }: ConfigFlags): FileResult {
  const { certificates, data, listen } = others
  const agent = { server, tokenFile, name }
  const policy = Object.fromEntries((others.policy ?? []).map(settingOf))
  const log = { format: logFormat }
  const checked = checkKeys({ certificates, data, listen, log, agent, policy })
  if (checked.kind === 'keys') return checked
  const problems = checked.faults.map(({ path: [key, inner], saw, required }) => {
    const flag = flagsOfInner.get(inner) ?? String(key)
    return { at: undefined, key: `--${flag}`, saw, required }
  })
  return { kind: 'problems', problems }
}

/** Key and value of `revoked=staple`, `clients=mozpkix,go`. */
function settingOf(written: string): readonly [string, unknown] {
  const [key = '', ...rest] = written.split('=')
  const value = rest.join('=')
  if (key === 'clients' && value !== 'all') return [key, value.split(',')]
  return [key, /^\d+$/.test(value) ? Number(value) : value]
}

/** Of a checked policy what was given: the rest is defaults. */
function givenOf(policy: Policy, written: readonly string[] = []): Partial<Policy> {
  const given = new Set(written.map((setting) => settingOf(setting)[0]))
  return Object.fromEntries(Object.entries(policy).filter(([key]) => given.has(key)))
}

/** By what their keys are called, where these stand in another one. */
const flagsOfInner: ReadonlyMap<PropertyKey | undefined, string> = new Map([
  ['format', 'log-format'],
  ['server', 'server'],
  ['tokenFile', 'token-file'],
  ['name', 'name'],
])

function absolute(keys: FileKeys, folder: string): FileKeys {
  return {
    ...keys,
    certificates: keys.certificates?.map((path) => resolve(folder, path)),
    tags: Object.fromEntries(
      Object.entries(keys.tags).map(([tag, paths]) => [
        tag,
        paths.map((path) => resolve(folder, path)),
      ]),
    ),
    data: keys.data === undefined ? undefined : resolve(folder, keys.data),
    tls: keys.tls && {
      certificate: resolve(folder, keys.tls.certificate),
      key: resolve(folder, keys.tls.key),
    },
    agent: {
      ...keys.agent,
      tokenFile: keys.agent.tokenFile && resolve(folder, keys.agent.tokenFile),
      ca: keys.agent.ca && resolve(folder, keys.agent.ca),
    },
    alerts: {
      onChange: absoluteHooks(keys.alerts.onChange, folder),
      onFailing: absoluteHooks(keys.alerts.onFailing, folder),
      onRevoked: absoluteHooks(keys.alerts.onRevoked, folder),
    },
    outputs: keys.outputs.map((output) => ({
      ...output,
      certificates: output.certificates?.map((path) => resolve(folder, path)),
      file: output.file && absoluteTemplate(output.file, folder),
    })),
  }
}

/** A placeholder in front is filled with an absolute path. */
function absoluteTemplate(template: string, folder: string): string {
  return template.startsWith('{') ? template : resolve(folder, template)
}

function absoluteHooks(hooks: readonly HookSettings[], folder: string): readonly HookSettings[] {
  return hooks.map((hook) =>
    hook.kind === 'webhook' ? { ...hook, secretFile: resolve(folder, hook.secretFile) } : hook,
  )
}

function assemble(
  file: FileKeys,
  flags: Omit<FileKeys, 'policy'> & { readonly policy: Partial<Policy> },
  env: Surroundings,
): Config {
  return {
    certificates: withOwn(flags.certificates ?? file.certificates ?? [], file.tls),
    tags: file.tags,
    data: flags.data ?? file.data ?? defaultData(env),
    listen: flags.listen ?? file.listen ?? DEFAULT_LISTEN,
    ocspListen: file.ocspListen,
    tls: file.tls,
    responders: file.responders,
    policy: { ...defaultPolicy, ...file.policy, ...flags.policy },
    outputs: file.outputs,
    alerts: file.alerts,
    probe: file.probe,
    agent: {
      ...file.agent,
      server: flags.agent.server ?? file.agent.server,
      tokenFile: flags.agent.tokenFile ?? file.agent.tokenFile,
      name: flags.agent.name ?? file.agent.name,
    },
    log: { format: flags.log.format ?? file.log.format ?? 'text' },
  }
}

/** The certificate of the listener is stapled as all others are. */
function withOwn(paths: readonly string[], tls: TlsFiles | undefined): readonly string[] {
  return tls === undefined ? paths : [...new Set([...paths, tls.certificate])]
}

/** Where the Filesystem Hierarchy Standard and the XDG Base Directory Specification put state. */
function defaultData({ user, home }: Surroundings): string {
  return user === 'root' ? '/var/lib/everstaple' : join(home, '.local/share/everstaple')
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}

/** This machine only: whoever reaches the port sees which certificates are managed. */
const DEFAULT_LISTEN: ListenAddress = { host: '127.0.0.1', port: 8888 }
