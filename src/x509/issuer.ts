import { type Certificate, publicKey } from './certificate.ts'
import { normalizedName } from './name.ts'
import { verifySignature } from './signature.ts'

/**
 * The certificate of `candidates` that issued `certificate`: its subject is the issuer name, and its key made the signature.
 * Of several (a CA renewed or cross-signed) the one whose name is equal byte for byte, then the one that lasts longest, then
 * the lower fingerprint, so that the order of candidates does not matter. A certificate is never its own issuer here.
 */
export function findIssuer(
  certificate: Certificate,
  candidates: Iterable<Certificate>,
): Certificate | undefined {
  let best: Certificate | undefined
  for (const candidate of candidates) {
    if (!namesMatch(certificate, candidate) || !keyMatches(certificate, candidate)) continue
    if (best === undefined || isBetter(candidate, best, certificate)) best = candidate
  }
  return best
}

function isBetter(candidate: Certificate, best: Certificate, { issuer }: Certificate): boolean {
  const exact = equal(candidate.subject, issuer)
  if (exact !== equal(best.subject, issuer)) return exact
  if (candidate.notAfter !== best.notAfter) return candidate.notAfter > best.notAfter
  return candidate.fingerprint < best.fingerprint
}

// Several public CAs encode the issuer field of their leaves with another string type than their own subject.
function namesMatch({ issuer }: Certificate, { subject }: Certificate): boolean {
  if (equal(issuer, subject)) return true
  const wanted = normalizedName(issuer)
  return wanted !== undefined && wanted === normalizedName(subject)
}

/**
 * Whether the candidate's key made the signature. Where the signature cannot be judged, the key identifiers decide.
 */
function keyMatches(certificate: Certificate, candidate: Certificate): boolean {
  if (certificate.fingerprint === candidate.fingerprint) return false
  const result = signatureByKeyOf(candidate, certificate)
  if (result !== 'unsupported') return result === 'valid'
  const { authorityKeyIdentifier } = certificate.extensions
  const { subjectKeyIdentifier } = candidate.extensions
  if (authorityKeyIdentifier === undefined || subjectKeyIdentifier === undefined) return false
  return equal(authorityKeyIdentifier, subjectKeyIdentifier)
}

/** Whether the key of `signer` made the signature of `certificate`; `unsupported` for an algorithm or a key that `node:crypto` has not. */
export function signatureByKeyOf(
  signer: Certificate,
  certificate: Certificate,
): 'valid' | 'invalid' | 'unsupported' {
  const known = verified.get(signer)?.get(certificate)
  if (known !== undefined) return known
  const { tbsCertificate: signed, signature, signatureAlgorithm } = certificate
  const key = publicKey(signer)
  const made =
    key === undefined
      ? 'unsupported'
      : verifySignature(signatureAlgorithm, { signed, signature, key })
  const row = verified.get(signer) ?? new WeakMap()
  verified.set(signer, row.set(certificate, made))
  return made
}

// A verification costs more than all else in a scan of folders or in a verdict, and the same pairs come again and again. By the signer first: there are few.
const verified = new WeakMap<
  Certificate,
  WeakMap<Certificate, 'valid' | 'invalid' | 'unsupported'>
>()

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
