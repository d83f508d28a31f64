import { type ApacheLine, parseApache, parseEnvvars, withVariables } from './apache-syntax.ts'
import {
  ConfigurationFiles,
  MAX_INCLUDE_DEPTH,
  type Place,
  type ServerConfiguration,
  type StaplingLine,
  type TlsBlock,
} from './configuration.ts'
import { absolutePath, folderOf, type Tree } from './tree.ts'

/** Reads Apache httpd's configuration with all that it includes, in Debian's places or Red Hat's; `undefined` where there is none. */
export async function readApache(tree: Tree): Promise<ServerConfiguration | undefined> {
  for (const { main, root } of LAYOUTS) {
    if ((await tree.kindOf(main)) === 'absent') continue
    const files = new ConfigurationFiles(tree)
    const envvars = await tree.readText(`${folderOf(main)}/envvars`)
    const variables = envvars.kind === 'text' ? parseEnvvars(envvars.text) : []
    const reader = new ApacheReader(files, root, variables)
    await reader.read(main)
    const { blocks, stapling } = reader
    const { problems } = files
    return { server: 'apache', files: files.files, blocks, problems, stapling, sockets: [] }
  }
  return undefined
}

/** What a `<VirtualHost>`, or the main server, has said so far. */
interface Host {
  readonly at: Place
  readonly names: string[]
  readonly certificates: string[]
  readonly chains: string[]
  readonly stapling: StaplingLine[]
}

class ApacheReader {
  readonly #files: ConfigurationFiles
  readonly #variables: Map<string, string>
  readonly #hosts: Host[] = []
  #root: string
  #main: Host | undefined
  #host: Host | undefined
  /** Sections in which nothing is read, one in the other. */
  #skipped = 0

  constructor(files: ConfigurationFiles, root: string, variables: Iterable<[string, string]>) {
    this.#files = files
    this.#root = root
    this.#variables = new Map(variables)
  }

  /** A virtual host without certificates of its own presents those of the main server. */
  get blocks(): readonly TlsBlock[] {
    const main = this.#main
    const hosts = this.#hosts.filter(({ certificates }) => certificates.length > 0)
    if (main === undefined || main.certificates.length === 0) return hosts
    return [{ ...main, stapling: [] }, ...hosts]
  }

  /** What the main server says of stapling, which holds for virtual hosts too. */
  get stapling(): readonly StaplingLine[] {
    return this.#main?.stapling ?? []
  }

  async read(file: string, depth = 0, from?: Place): Promise<void> {
    const text = await this.#files.text(file, from)
    if (text === undefined) return
    this.#main ??= hostAt({ file, line: 1 })
    for (const line of parseApache(text)) await this.#take(line, { file, line: line.line }, depth)
  }

  async #take({ kind, name, parameters }: ApacheLine, at: Place, depth: number): Promise<void> {
    if (kind === 'begin' && (this.#skipped > 0 || this.#isSkipped(name, parameters))) {
      this.#skipped += 1
    } else if (this.#skipped > 0) {
      if (kind === 'end') this.#skipped -= 1
      else if (name === CERTIFICATE && kind === 'directive') this.#reportSkipped(at)
    } else if (name === 'virtualhost') {
      this.#host = kind === 'begin' ? hostAt(at) : undefined
      if (this.#host !== undefined) this.#hosts.push(this.#host)
    } else if (kind === 'directive') {
      const given = parameters.map((each) => withVariables(each, this.#variables))
      if (name === 'include' || name === 'includeoptional') {
        await this.#include(name, given, at, depth)
      } else this.#note(name, given, at)
    }
  }

  /** Sections that are not in force, or that say nothing themselves; all others are looked into. */
  #isSkipped(name: string, [condition = '']: readonly string[]): boolean {
    if (name === 'macro') return true
    if (name === 'ifmodule') return condition.startsWith('!')
    if (name !== 'ifdefine') return false
    const negated = condition.startsWith('!')
    return this.#variables.has(negated ? condition.slice(1) : condition) === negated
  }

  #reportSkipped(at: Place): void {
    this.#files.report(
      at,
      'SSLCertificateFile in a macro or a condition, which are not followed: add its certificate by hand',
    )
  }

  async #include(
    name: string,
    [pattern]: readonly string[],
    at: Place,
    depth: number,
  ): Promise<void> {
    if (pattern === undefined) return
    if (depth >= MAX_INCLUDE_DEPTH) {
      this.#files.report(at, 'includes too deep: not read further')
      return
    }
    for (const path of await this.#files.tree.glob(absolutePath(pattern, this.#root))) {
      const kind = await this.#files.tree.kindOf(path)
      if (kind === 'absent' && name === 'includeoptional') continue
      if (kind !== 'folder') await this.read(path, depth + 1, at)
      else await this.#include(name, [`${path}/*`], at, depth + 1)
    }
  }

  #note(name: string, parameters: readonly string[], at: Place): void {
    const host = this.#host ?? this.#main
    const [first, second = ''] = parameters
    if (host === undefined || first === undefined) return
    if (name === 'define') this.#variables.set(first, second)
    else if (name === 'undefine') this.#variables.delete(first)
    else if (name === 'serverroot') this.#root = absolutePath(first, this.#root)
    else if (name === 'servername' || name === 'serveralias') host.names.push(...parameters)
    else if (name === CERTIFICATE) host.certificates.push(...this.#path(first, at))
    else if (name === 'sslcertificatechainfile') host.chains.push(...this.#path(first, at))
    else if (STAPLING.has(name)) {
      host.stapling.push({ ...at, text: [STAPLING.get(name), ...parameters].join(' ') })
    }
  }

  #path(path: string, at: Place): readonly string[] {
    if (path.startsWith('pkcs11:')) return []
    if (!path.includes('${')) return [absolutePath(path, this.#root)]
    this.#files.report(
      at,
      `'${path}' has a variable that is defined outside of the configuration: add the certificate by hand`,
    )
    return []
  }
}

function hostAt(at: Place): Host {
  return { at, names: [], certificates: [], chains: [], stapling: [] }
}

const LAYOUTS = [
  { main: '/etc/apache2/apache2.conf', root: '/etc/apache2' },
  { main: '/etc/httpd/conf/httpd.conf', root: '/etc/httpd' },
]
const CERTIFICATE = 'sslcertificatefile'
const STAPLING: ReadonlyMap<string, string> = new Map(
  ['SSLUseStapling', 'SSLStaplingForceURL', 'SSLStaplingCache'].map((name) => [
    name.toLowerCase(),
    name,
  ]),
)
