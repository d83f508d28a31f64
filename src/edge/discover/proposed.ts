import { isWithin } from '../../certificates/source.ts'
import type { DiscoveredServer, DiscoveryProblem, StaplingLine, TlsBlock } from './configuration.ts'
import type { ExaminedPath } from './examine.ts'

/** What a configuration of everstaple for this machine would say, and why. Texts in it may come from anywhere: untrusted. */
export interface Proposal {
  readonly certificates: readonly ProposedCertificate[]
  /** Files with issuers that the certificates' own files lack. */
  readonly issuers: readonly string[]
  readonly outputs: readonly ProposedOutput[]
  /** What to do in the servers' own configurations, in this order. */
  readonly changes: readonly ServerChange[]
  readonly problems: readonly DiscoveryProblem[]
}

/** A file or folder of certificates. */
export interface ProposedCertificate {
  /** As everstaple has to name it. */
  readonly path: string
  /** Only what can have a staple is proposed. */
  readonly kind: ExaminedPath['kind']
  readonly remarks: readonly string[]
  /** The servers that use it: `nginx www.example.org (/etc/nginx/sites-enabled/www:3)`. */
  readonly usedBy: readonly string[]
}

/** An entry of `outputs:`. */
export interface ProposedOutput {
  readonly server: DiscoveredServer
  readonly why: readonly string[]
  /** Of the configuration file, in their order. */
  readonly keys: Readonly<Record<string, string | readonly string[]>>
}

/** Lines for the configuration of a server. */
export interface ServerChange {
  readonly server: DiscoveredServer
  readonly where: string
  readonly lines: readonly string[]
  /** Lines there that have to go, as they would contradict. */
  readonly instead: readonly StaplingLine[]
  readonly remarks: readonly string[]
}

/** What a proposal is made for. */
export interface ProposalSetting {
  readonly examined: ReadonlyMap<string, ExaminedPath>
  /** The OCSP endpoint of everstaple, with a slash at its end. */
  readonly endpoint: string
  /** The path of a server's file as everstaple has to name it. */
  readonly here: (path: string) => string
}

/** What is proposed for one server. */
export type ServerProposal = Pick<Proposal, 'outputs' | 'changes'>

/** The files and folders of a block in which there is something to staple. */
export function stapledIn(
  { certificates }: TlsBlock,
  { examined }: Pick<ProposalSetting, 'examined'>,
): readonly ExaminedPath[] {
  return certificates.flatMap((path) => {
    const found = examined.get(path)
    return found?.kind === 'staple' ? [found] : []
  })
}

/** The key that keeps an output to the certificates of these blocks; no key where there are no others. */
export function ownCertificates(
  blocks: readonly TlsBlock[],
  setting: Pick<ProposalSetting, 'examined'>,
): { readonly certificates?: readonly string[] } {
  const own = new Set(blocks.flatMap((block) => stapledIn(block, setting)).map(({ here }) => here))
  const isOwn = (path: string) => [...own].some((each) => isWithin(path, each))
  const stapled = [...setting.examined.values()].filter(({ kind }) => kind === 'staple')
  return stapled.every(({ here }) => isOwn(here)) ? {} : { certificates: [...own].sort() }
}

/** Where a block stands, and what it is called there. */
export function whereOf({ at, names }: TlsBlock): string {
  const shown = names.slice(0, MAX_NAMES).join(', ')
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : ''
  return `${at.file}:${at.line}${names.length === 0 ? '' : ` (${shown}${more})`}`
}

/** What people call the servers. */
export const titles: Readonly<Record<DiscoveredServer, string>> = {
  nginx: 'nginx',
  apache: 'Apache httpd',
  haproxy: 'HAProxy',
}

const MAX_NAMES = 4
