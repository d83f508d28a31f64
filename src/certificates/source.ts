import type { Certificate } from '../x509/certificate.ts'
import type { Classification } from './classify.ts'

/** A certificate that a staple is kept for, or the reason why not. */
export interface FoundCertificate {
  readonly certificate: Certificate
  readonly issuer: Certificate | undefined
  /** Absolute paths of the files that hold it, sorted. */
  readonly sources: readonly string[]
  readonly classification: Classification
  /** The classification in words for people: what was seen, and what to do if anything. */
  readonly detail: string
  /** See `displayName()`. */
  readonly name: string
  readonly mustStaple: boolean
}

/** Something wrong with a source of certificates, for `status` and the log. */
export interface SourceProblem {
  readonly path: string
  /** What was seen, what was required, what to do. */
  readonly problem: string
}

/** All that the given paths hold at one moment. */
export interface Snapshot {
  /** Sorted by name, then by fingerprint; one entry a certificate, however many files hold it. */
  readonly certificates: readonly FoundCertificate[]
  /** Sorted by path. */
  readonly problems: readonly SourceProblem[]
  /** Files and folders that exist or should, but cannot be read now: nothing that came from them is gone. */
  readonly unreadable: readonly string[]
}

/**
 * Whether a certificate known from before, which the snapshot does not list, has left. It has not while a file or folder that held it
 * cannot be read: an unmounted volume must not empty the schedule, not even after a restart.
 */
export function hasLeft({ unreadable }: Snapshot, sources: readonly string[]): boolean {
  return !sources.some((source) => unreadable.some((path) => isWithin(source, path)))
}

/** Whether `path` is `folder` itself or something inside; both absolute. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

/** Those of the files that are one of `paths`, or inside of one; all absolute. */
export function sourcesWithin(
  paths: readonly string[],
  sources: readonly string[],
): readonly string[] {
  return sources.filter((source) => paths.some((path) => isWithin(source, path)))
}
