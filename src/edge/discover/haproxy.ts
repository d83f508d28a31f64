import {
  ConfigurationFiles,
  type Place,
  type ServerConfiguration,
  type TlsBlock,
} from './configuration.ts'
import { parseHaproxy } from './haproxy-syntax.ts'
import { absolutePath, type Tree } from './tree.ts'

/** Reads HAProxy's configuration and its lists of certificates; `undefined` where there is none. */
export async function readHaproxy(tree: Tree): Promise<ServerConfiguration | undefined> {
  if ((await tree.kindOf(MAIN)) === 'absent') return undefined
  const files = new ConfigurationFiles(tree)
  const reader = new HaproxyReader(files)
  for (const file of [MAIN, ...(await tree.glob(FURTHER))]) await reader.read(file)
  const { blocks, sockets } = reader
  const { problems } = files
  return { server: 'haproxy', files: files.files, blocks, problems, stapling: [], sockets }
}

class HaproxyReader {
  readonly blocks: TlsBlock[] = []
  readonly sockets: { readonly address: string; readonly level: string }[] = []
  readonly #files: ConfigurationFiles
  readonly #variables = new Map<string, string>()
  /** Of the process, and of the `crt-store` that is being read. */
  #base = '/'
  #storeBase: string | undefined
  #section = ''
  #name = ''

  constructor(files: ConfigurationFiles) {
    this.#files = files
  }

  async read(file: string): Promise<void> {
    const text = await this.#files.text(file)
    if (text === undefined) return
    for (const { words, line } of parseHaproxy(text)) await this.#take(words, { file, line })
  }

  async #take(words: readonly string[], at: Place): Promise<void> {
    const [keyword = '', first = '', second = ''] = words
    if (SECTIONS.has(keyword)) {
      this.#section = keyword
      this.#name = first
      this.#storeBase = undefined
    } else if (keyword === 'setenv' || keyword === 'presetenv') this.#variables.set(first, second)
    else if (keyword === 'stats' && first === 'socket') this.#socket(words)
    else if (keyword === 'crt-base' && this.#section === 'crt-store') this.#storeBase = first
    else if (keyword === 'crt-base') this.#base = first
    else if (keyword === 'load' && this.#section === 'crt-store') await this.#load(words, at)
    else if (keyword === 'bind' && words.includes('ssl')) await this.#bind(words, at)
  }

  #socket(words: readonly string[]): void {
    const level = after(words, 'level')[0] ?? 'operator'
    const address = this.#replaced(words[2] ?? '').replace(/^(unix|ipv4|ipv6)@/, '')
    if (/^(\/|\S*:\d+$)/.test(address)) this.sockets.push({ address, level })
  }

  async #bind(words: readonly string[], at: Place): Promise<void> {
    const given: string[] = []
    for (const crt of after(words, 'crt')) {
      if (!crt.startsWith('@')) given.push(...(await this.#certificate(crt, at)))
    }
    for (const list of after(words, 'crt-list')) given.push(...(await this.#list(list, at)))
    this.#add(given, at, [`${this.#name} ${words[1] ?? ''}`.trim()])
  }

  async #load(words: readonly string[], at: Place): Promise<void> {
    const given: string[] = []
    for (const crt of after(words, 'crt')) given.push(...(await this.#certificate(crt, at)))
    this.#add(given, at, [`crt-store ${this.#name}`.trim()])
  }

  #add(certificates: readonly string[], at: Place, names: readonly string[]): void {
    if (certificates.length === 0) return
    this.blocks.push({ at, names, certificates, chains: [], stapling: [] })
  }

  /** Each line: a file, options in brackets, names. */
  async #list(written: string, at: Place): Promise<readonly string[]> {
    const path = absolutePath(this.#replaced(written), '/')
    const text = await this.#files.text(path, at)
    if (text === undefined) return []
    const given: string[] = []
    for (const { words, line } of parseHaproxy(text)) {
      const [file] = words
      if (file !== undefined && !file.startsWith('@')) {
        given.push(...(await this.#certificate(file, { file: path, line })))
      }
    }
    return given
  }

  /** Where there is no file of that name, HAProxy takes one per type of key, with the type as its extension. */
  async #certificate(written: string, at: Place): Promise<readonly string[]> {
    const path = absolutePath(this.#replaced(written), this.#storeBase ?? this.#base)
    if (path.includes('${')) {
      this.#files.report(
        at,
        `'${path}' has a variable that is defined outside of the configuration: add the certificate by hand`,
      )
      return []
    }
    if ((await this.#files.tree.kindOf(path)) !== 'absent') return [path]
    const bundle: string[] = []
    for (const type of ['rsa', 'ecdsa', 'dsa']) {
      const file = `${path}.${type}`
      if ((await this.#files.tree.kindOf(file)) === 'file') bundle.push(file)
    }
    return bundle.length > 0 ? bundle : [path]
  }

  #replaced(text: string): string {
    return text.replace(
      /\$\{(\w+)(?:-([^}]*))?\}/g,
      (whole, name: string, otherwise?: string) => this.#variables.get(name) ?? otherwise ?? whole,
    )
  }
}

/** The word after each occurrence of `keyword`. */
function after(words: readonly string[], keyword: string): readonly string[] {
  return words.flatMap((word, i) => {
    const next = words[i + 1]
    return word === keyword && next !== undefined ? [next] : []
  })
}

const MAIN = '/etc/haproxy/haproxy.cfg'
/** Read after the main file where the service is told to, as Red Hat's is. */
const FURTHER = '/etc/haproxy/conf.d/*.cfg'
const SECTIONS: ReadonlySet<string> = new Set([
  ...['global', 'defaults', 'frontend', 'listen', 'backend', 'peers', 'resolvers', 'userlist'],
  ...['mailers', 'cache', 'program', 'ring', 'http-errors', 'crt-store', 'log-forward', 'fcgi-app'],
])
