import { setImmediate as turn } from 'node:timers/promises'
import { type EpochMs, epochMs } from '../der/time.ts'
import type { Certificate } from '../x509/certificate.ts'
import { isMustStaple } from '../x509/extensions.ts'
import { findIssuer } from '../x509/issuer.ts'
import { normalizedName } from '../x509/name.ts'
import { classify, displayName } from './classify.ts'
import type { FoundCertificate } from './source.ts'

/** The certificates of one file, as far as a snapshot needs them. */
export interface HeldCertificates {
  readonly path: string
  /** Certificates to keep staples for. */
  readonly leaves: readonly Certificate[]
  /** Certificates that only serve as issuers. */
  readonly issuers: readonly Certificate[]
}

/**
 * Pairs every leaf of all files with its issuer, wherever that stands, and classifies it. The same leaf in several files is one
 * certificate with several sources. Others get their turn in between, and what was read of kept certificates can be forgotten again.
 */
export async function assemble(
  files: readonly HeldCertificates[],
  now: EpochMs,
): Promise<FoundCertificate[]> {
  const sources = new Map<string, { certificate: Certificate; paths: Set<string> }>()
  const pool = new Map<string, Set<Certificate>>()
  const seen = new Map<string, Certificate>()
  for (const [index, { path, leaves, issuers }] of files.entries()) {
    if (index % SLICE === SLICE - 1) await turn()
    for (const leaf of leaves) {
      const known = sources.get(leaf.fingerprint)
      if (known === undefined)
        sources.set(leaf.fingerprint, { certificate: leaf, paths: new Set([path]) })
      else known.paths.add(path)
    }
    // A self-signed certificate may be a test CA without BasicConstraints.
    for (const each of [...issuers, ...leaves.filter(isSelfIssued)]) {
      if (seen.has(each.fingerprint)) continue
      seen.set(each.fingerprint, each)
      const name = nameKey(each.subject)
      pool.set(name, (pool.get(name) ?? new Set()).add(each))
    }
  }
  const used = new Set<string>()
  const found: FoundCertificate[] = []
  for (const [index, { certificate, paths }] of [...sources.values()].entries()) {
    if (index % SLICE === SLICE - 1) await turn()
    const issuer = findIssuer(certificate, pool.get(nameKey(certificate.issuer)) ?? [])
    if (issuer !== undefined) used.add(issuer.fingerprint)
    found.push({
      certificate,
      issuer,
      sources: [...paths].sort(),
      ...classify(certificate, issuer, now),
      name: displayName(certificate),
      mustStaple: isMustStaple(certificate.extensions),
    })
  }
  return found
    .filter(({ certificate }) => !(used.has(certificate.fingerprint) && isSelfIssued(certificate)))
    .sort(byNameThenFingerprint)
}

/** The first moment after `now` at which one of these is classified otherwise. */
export function nextChange(certificates: Iterable<Certificate>, now: EpochMs): EpochMs | undefined {
  let next: number | undefined
  for (const { notBefore, notAfter } of certificates) {
    for (const moment of [notBefore, notAfter + 1]) {
      if (moment > now && (next === undefined || moment < next)) next = moment
    }
  }
  return next === undefined ? undefined : epochMs(next)
}

function isSelfIssued({ issuer, subject }: Certificate): boolean {
  return Buffer.compare(issuer, subject) === 0
}

function nameKey(name: Uint8Array): string {
  return normalizedName(name) ?? Buffer.from(name).toString('hex')
}

function byNameThenFingerprint(a: FoundCertificate, b: FoundCertificate): number {
  const [x, y] =
    a.name === b.name ? [a.certificate.fingerprint, b.certificate.fingerprint] : [a.name, b.name]
  return x < y ? -1 : x > y ? 1 : 0
}

/** Certificates or files, some milliseconds of work. */
const SLICE = 100
