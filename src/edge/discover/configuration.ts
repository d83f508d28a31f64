import type { Tree } from './tree.ts'

/** The servers whose configuration is understood. */
export type DiscoveredServer = 'nginx' | 'apache' | 'haproxy'

/** A line of a configuration, as its server names the file. */
export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** A line that speaks of stapling already. */
export interface StaplingLine extends Place {
  readonly text: string
}

/** One place in a configuration that presents certificates: `server {}`, `<VirtualHost>`, `bind`. */
export interface TlsBlock {
  readonly at: Place
  /** What it is called there, as written: untrusted. */
  readonly names: readonly string[]
  /** Absolute paths of files and folders, as the server names them. */
  readonly certificates: readonly string[]
  /** Files in which the issuers stand, where the certificate's own file lacks them. */
  readonly chains: readonly string[]
  /** What would stand beside the lines to paste, or against them. */
  readonly stapling: readonly StaplingLine[]
}

/** Something that stood in the way of reading a configuration. */
export interface DiscoveryProblem {
  /** A file, with `:LINE` where there is one. */
  readonly path: string
  /** What was seen, and what to do. */
  readonly problem: string
}

/** What a server's configuration says about certificates. */
export interface ServerConfiguration {
  readonly server: DiscoveredServer
  /** The files read, the main one first. */
  readonly files: readonly string[]
  readonly blocks: readonly TlsBlock[]
  readonly problems: readonly DiscoveryProblem[]
  /** Lines that speak of stapling for all blocks. */
  readonly stapling: readonly StaplingLine[]
  /** HAProxy's runtime sockets: a path, or HOST:PORT. */
  readonly sockets: readonly { readonly address: string; readonly level: string }[]
}

/** The files of one configuration as they are read, with a limit on how many. */
export class ConfigurationFiles {
  readonly tree: Tree
  readonly files: string[] = []
  readonly problems: DiscoveryProblem[] = []

  constructor(tree: Tree) {
    this.tree = tree
  }

  /** The text of a file, or `undefined`, which is reported; `from` is what includes it. */
  async text(path: string, from?: Place): Promise<string | undefined> {
    if (this.files.length >= MAX_FILES) {
      this.report(from ?? path, `more than ${MAX_FILES} files are included: the rest is not read`)
      return undefined
    }
    const read = await this.tree.readText(path)
    if (read.kind === 'text') {
      this.files.push(path)
      return read.text
    }
    const problem = read.kind === 'absent' ? 'does not exist' : read.problem
    this.report(from ?? path, from === undefined ? problem : `${path}: ${problem}`)
    return undefined
  }

  /** Notes a problem, once. */
  report(at: Place | string, problem: string): void {
    const path = typeof at === 'string' ? at : `${at.file}:${at.line}`
    const isKnown = this.problems.some((known) => known.path === path && known.problem === problem)
    if (!isKnown) this.problems.push({ path, problem })
  }
}

/** Deeper than any sensible configuration; Apache itself stops at 10. */
export const MAX_INCLUDE_DEPTH = 16
/** Hosters have a file for each of ten thousand sites. */
const MAX_FILES = 20_000
