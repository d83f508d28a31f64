import { displayName, httpOcspUrls } from '../../certificates/classify.ts'
import { scanCertificates } from '../../certificates/folder.ts'
import { type FoundCertificate, isWithin, type Snapshot } from '../../certificates/source.ts'
import type { EpochMs } from '../../der/time.ts'
import { keyShape } from '../../x509/certificate.ts'
import type { ServedCertificate } from '../configuration-lines/configuration-lines.ts'
import type { ServerConfiguration } from './configuration.ts'
import type { Tree } from './tree.ts'

/** What became of a file or folder that a server takes certificates from. */
export interface ExaminedPath {
  /** As the server names it. */
  readonly path: string
  /** As this process does. */
  readonly here: string
  /** `staple`: at least one certificate in it can have one. `nothing`: none needs or can. `unreadable`: not known. */
  readonly kind: 'staple' | 'nothing' | 'unreadable'
  /** In words for people: a line for each certificate that no staple is kept for, and for each problem. */
  readonly remarks: readonly string[]
  /** Files in which issuers stand that are not found otherwise, as this process names them. */
  readonly issuers: readonly string[]
  /** Those that can have a staple. */
  readonly certificates: readonly ServedCertificate[]
  /** The names of those among them that clients insist on a staple for: untrusted. */
  readonly mustStaple: readonly string[]
}

/** Looks at every file and folder of certificates that the configurations name, as the service will. Private keys are not kept. */
export async function examinePaths(
  configurations: readonly ServerConfiguration[],
  tree: Tree,
  now: EpochMs,
): Promise<ReadonlyMap<string, ExaminedPath>> {
  const blocks = configurations.flatMap((configuration) => configuration.blocks)
  const chainsByPath = new Map<string, Set<string>>()
  for (const { certificates, chains } of blocks) {
    for (const path of certificates) {
      const known = chainsByPath.get(path) ?? new Set()
      chainsByPath.set(path, new Set([...known, ...chains.map((chain) => tree.here(chain))]))
    }
  }
  const examined = new Map<string, ExaminedPath>()
  for (const path of [...chainsByPath.keys()].sort()) {
    const here = tree.here(path)
    const chains = [...(chainsByPath.get(path) ?? [])]
    const { certificates, problems, issuers } = await look(here, chains, now)
    const stapled = certificates.filter(hasOcsp)
    const kind = stapled.length > 0 ? 'staple' : certificates.length > 0 ? 'nothing' : 'unreadable'
    const remarks = [
      ...certificates.flatMap((each) => remarkOn(each)),
      ...((await tree.kindOf(path)) === 'absent'
        ? ['does not exist']
        : problems.map(({ path: at, problem }) => (at === here ? problem : `${at}: ${problem}`))),
    ]
    const mustStaple = stapled.filter((each) => each.mustStaple)
    examined.set(path, {
      path,
      here,
      kind,
      remarks: kind === 'unreadable' && remarks.length === 0 ? ['holds no certificate'] : remarks,
      issuers,
      certificates: stapled.map((each) => servedFrom(path, each)),
      mustStaple: mustStaple.map(({ name }) => name),
    })
  }
  return examined
}

/** Looks into the chains only where an issuer is missing. */
async function look(
  here: string,
  chains: readonly string[],
  now: EpochMs,
): Promise<Pick<Snapshot, 'certificates' | 'problems'> & { readonly issuers: readonly string[] }> {
  const alone = await scanCertificates([here], now)
  const isMissing = alone.certificates.some((each) => each.classification === 'issuer-missing')
  if (!isMissing || chains.length === 0) return { ...alone, issuers: [] }
  const { certificates, problems } = await scanCertificates([here, ...chains], now)
  return {
    certificates: certificates.filter(({ sources }) => sources.some((s) => isWithin(s, here))),
    problems: problems.filter(({ path }) => isWithin(path, here)),
    issuers: certificates.some(({ issuer }) => issuer !== undefined) ? chains : [],
  }
}

function servedFrom(file: string, { certificate, name }: FoundCertificate): ServedCertificate {
  return {
    id: certificate.fingerprint,
    serial: Buffer.from(certificate.serialNumber).toString('hex'),
    name,
    dnsNames: certificate.extensions.dnsNames,
    key: keyShape(certificate).kind,
    ocspUrls: httpOcspUrls(certificate),
    file,
  }
}

/** Also one that is not in force today: its file is watched, and it will be renewed. */
function hasOcsp({ certificate, classification }: FoundCertificate): boolean {
  if (classification === 'ca') return false
  return httpOcspUrls(certificate).length > 0
}

function remarkOn(found: FoundCertificate): readonly string[] {
  const { certificate, classification, detail } = found
  const name = displayName(certificate)
  if (classification === 'ocsp') return []
  if (Buffer.compare(certificate.issuer, certificate.subject) === 0) {
    return [`${name} is self-signed: nothing to staple`]
  }
  if (classification === 'crl-only' || classification === 'no-revocation') {
    const asked = found.mustStaple ? ` (${detail})` : ''
    return [`${name} has no OCSP URL: nothing to staple${asked}`]
  }
  if (classification === 'issuer-missing') {
    return [`${name}: the certificate of its issuer is not there, and is fetched from the CA`]
  }
  return [`${name}: ${detail}`]
}
