import { hash } from 'node:crypto'
import type { Malformed } from '../der/reader.ts'
import { type Certificate, parseCertificate } from './certificate.ts'

/**
 * As {@link parseCertificate}, for certificates of CAs: the same bytes give the same object while they are in use. Many certificates have the same
 * issuer, its key takes longer to load than a signature to verify, and OpenSSL's form of it has some 20 kB that no garbage collector counts.
 */
export function parseIssuer(der: Uint8Array): Certificate | Malformed {
  const known = recall(hash('sha256', der))
  if (known !== undefined) return known
  // A copy, as the bytes may be a view into what the caller goes on using.
  const parsed = parseCertificate(Uint8Array.from(der))
  return 'kind' in parsed ? parsed : sharedIssuer(parsed)
}

/** The object that all share who parsed the same certificate of a CA; the first one stays. One with sloppy encodings is not shared, as what was noted is of these bytes. */
export function sharedIssuer(certificate: Certificate): Certificate {
  if (certificate.sloppiness.length > 0) return certificate
  const known = recall(certificate.fingerprint)
  if (known !== undefined) return known
  issuers.set(certificate.fingerprint, certificate)
  const [oldest = ''] = issuers.keys()
  if (issuers.size > MOST) issuers.delete(oldest)
  return certificate
}

/** Moves it to the end: what was not asked for longest goes first. */
function recall(fingerprint: string): Certificate | undefined {
  const known = issuers.get(fingerprint)
  if (known === undefined) return undefined
  issuers.delete(fingerprint)
  issuers.set(fingerprint, known)
  return known
}

const issuers = new Map<string, Certificate>()
/** Some 30 MB at the very most. A public fleet has a few dozen. */
const MOST = 1_000
