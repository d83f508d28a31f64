import { resolve } from 'node:path'
import type { CertificateRecord } from '../store/store.ts'

/** Whether somebody means this certificate by a name, the beginning of a fingerprint, or a file. */
export function isMeant(
  { id, name, sources }: Pick<CertificateRecord, 'id' | 'name' | 'sources'>,
  which: string,
): boolean {
  const wanted = which.toLowerCase()
  const isFile = sources.includes(which) || sources.includes(resolve(which))
  const isFingerprint = wanted.length >= LEAST_DIGITS && id.startsWith(wanted)
  return name.toLowerCase() === wanted || isFingerprint || isFile
}

/** Of a fingerprint, so that a word, or nothing, is not one. `everstaple check` shows twelve. */
const LEAST_DIGITS = 8
