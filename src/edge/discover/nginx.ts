import {
  ConfigurationFiles,
  MAX_INCLUDE_DEPTH,
  type Place,
  type ServerConfiguration,
  type TlsBlock,
} from './configuration.ts'
import { type NginxDirective, parseNginx } from './nginx-syntax.ts'
import { absolutePath, folderOf, type Tree } from './tree.ts'

/** Reads nginx's configuration with all that it includes; `undefined` where there is none. */
export async function readNginx(tree: Tree): Promise<ServerConfiguration | undefined> {
  if ((await tree.kindOf(MAIN)) === 'absent') return undefined
  const files = new ConfigurationFiles(tree)
  const top = await directivesIn(files, MAIN, { depth: 0, from: undefined })
  const blocks: TlsBlock[] = []
  for (const context of top.filter(({ name }) => name === 'http' || name === 'stream')) {
    for (const server of named(context.block, 'server')) {
      const block = tlsBlock(server, context, files)
      if (block !== undefined) blocks.push(block)
    }
  }
  const { problems } = files
  return { server: 'nginx', files: files.files, blocks, problems, stapling: [], sockets: [] }
}

/** A directive, and where it stands; includes are replaced by what they include. */
interface Directive extends Place {
  readonly name: string
  readonly parameters: readonly string[]
  readonly block: readonly Directive[] | undefined
}

interface Inclusion {
  readonly depth: number
  readonly from: Place | undefined
}

async function directivesIn(
  files: ConfigurationFiles,
  file: string,
  { depth, from }: Inclusion,
): Promise<readonly Directive[]> {
  const text = await files.text(file, from)
  if (text === undefined) return []
  return expanded(files, parseNginx(text), { file, depth })
}

async function expanded(
  files: ConfigurationFiles,
  directives: readonly NginxDirective[],
  { file, depth }: { readonly file: string; readonly depth: number },
): Promise<readonly Directive[]> {
  const all: Directive[] = []
  for (const { name, parameters, line, block } of directives) {
    const [pattern] = parameters
    if (name === 'include' && block === undefined && pattern !== undefined) {
      const place = { file, line }
      if (depth >= MAX_INCLUDE_DEPTH) files.report(place, 'includes too deep: not read further')
      else all.push(...(await included(files, pattern, { depth: depth + 1, from: place })))
    } else {
      const inner = block && (await expanded(files, block, { file, depth }))
      all.push({ name, parameters, file, line, block: inner })
    }
  }
  return all
}

async function included(
  files: ConfigurationFiles,
  pattern: string,
  inclusion: Inclusion,
): Promise<readonly Directive[]> {
  const all: Directive[] = []
  // Relative to the folder of the main file, wherever the include stands.
  for (const path of await files.tree.glob(absolutePath(pattern, folderOf(MAIN)))) {
    all.push(...(await directivesIn(files, path, inclusion)))
  }
  return all
}

function tlsBlock(
  server: Directive,
  context: Directive,
  files: ConfigurationFiles,
): TlsBlock | undefined {
  if (!isTls(server) && !isTls(context)) return undefined
  const own = named(server.block, 'ssl_certificate')
  const given = own.length > 0 ? own : named(context.block, 'ssl_certificate')
  const certificates = given.flatMap((directive) => certificatePath(directive, files))
  if (certificates.length === 0) return undefined
  const names = named(server.block, 'server_name').flatMap(({ parameters }) => parameters)
  const trusted = [...named(server.block, TRUSTED), ...named(context.block, TRUSTED)]
  const stapling = (server.block ?? []).filter(({ name }) => STAPLING.test(name))
  return {
    at: { file: server.file, line: server.line },
    names: names.filter((name) => name !== '' && name !== '_'),
    certificates,
    chains: trusted.flatMap(({ parameters: [path] }) =>
      path === undefined ? [] : [absolutePath(path, folderOf(MAIN))],
    ),
    stapling: stapling.map(({ name, parameters, file, line }) => ({
      file,
      line,
      text: [name, ...parameters].join(' '),
    })),
  }
}

function isTls({ block }: Directive): boolean {
  const listens = named(block, 'listen').some(({ parameters }) =>
    parameters.some((each) => each === 'ssl' || each === 'quic'),
  )
  return listens || named(block, 'ssl').some(({ parameters }) => parameters[0] === 'on')
}

function certificatePath(directive: Directive, files: ConfigurationFiles): readonly string[] {
  const [path] = directive.parameters
  if (path === undefined || path.startsWith('engine:')) return []
  if (!path.includes('$') && !path.startsWith('data:')) {
    return [absolutePath(path, folderOf(MAIN))]
  }
  files.report(
    directive,
    `ssl_certificate '${path}' is chosen at each handshake, for which nginx does not staple: give its server blocks their own`,
  )
  return []
}

function named(block: readonly Directive[] | undefined, name: string): readonly Directive[] {
  return (block ?? []).filter((directive) => directive.name === name)
}

const MAIN = '/etc/nginx/nginx.conf'
/** Where nginx itself looks for the issuer when it staples. */
const TRUSTED = 'ssl_trusted_certificate'
const STAPLING = /^ssl_stapling(_file|_responder)?$/
