import { hash } from 'node:crypto'
import type { Malformed, Span } from '../der/reader.ts'
import type { Sloppiness } from '../der/sloppiness.ts'
import type { EpochMs } from '../der/time.ts'
import type { Certificate } from '../x509/certificate.ts'
import { digestOids } from '../x509/signature.ts'
import { equalBytes } from './equal-bytes.ts'
import type { Policy } from './policy.ts'
import { certID, SHA1 } from './request.ts'
import {
  type BasicOcspResponse,
  type OcspResponse,
  parseResponse,
  type SingleResponse,
} from './response.ts'
import { findSigner, type Signing } from './signer.ts'
import { usableUntil } from './usable-until.ts'

/** What a response is judged by; without certificate or issuer, some rules cannot be judged. */
export interface Subject {
  /** The body as received. */
  readonly response: Uint8Array
  readonly certificate: Certificate | undefined
  readonly issuer: Certificate | undefined
  readonly now: EpochMs
  readonly policy: Policy
  /** The certificates that the server sends along, leaf first, where known. */
  readonly servedChain: readonly Certificate[] | undefined
}

/** All that rules look at, read once. */
export interface Facts {
  readonly body: Uint8Array
  readonly malformed: Malformed | undefined
  readonly response: OcspResponse | undefined
  readonly basic: BasicOcspResponse | undefined
  /** The SingleResponse about the certificate; where none is, the first. */
  readonly single: SingleResponse | undefined
  /** How `single` names the certificate; `undefined` without certificate. */
  readonly match: CertIDMatch | undefined
  readonly signing: Signing | undefined
  /** See {@link usableUntil}; `undefined` where the response says no nextUpdate. */
  readonly usableUntil: EpochMs | undefined
  readonly sloppiness: readonly Sloppiness[]
  readonly certificate: Certificate | undefined
  readonly issuer: Certificate | undefined
  readonly servedChain: readonly Certificate[] | undefined
  readonly now: EpochMs
  readonly policy: Policy
}

/** Which fields of a CertID are those of the certificate. */
export interface CertIDMatch {
  readonly name: boolean
  /** `undefined` where the issuer is not known. */
  readonly key: boolean | undefined
  /** `padded`: the same number in another encoding, which only OpenJDK takes for the same. */
  readonly serial: 'same' | 'padded' | 'other'
}

/** Reads all that rules look at; the signature is verified here. */
export function gatherFacts(subject: Subject): Facts {
  const { response: body, certificate, issuer } = subject
  const parsed = parseResponse(body)
  if ('kind' in parsed) return { ...subject, ...NOTHING_READ, body, malformed: parsed }
  const { basic, sloppiness } = parsed
  const { single, match } = chooseSingle(parsed, basic, certificate, issuer)
  const signing = basic && findSigner(parsed, basic, issuer)
  return {
    body,
    malformed: undefined,
    response: parsed,
    basic,
    single,
    match,
    signing,
    usableUntil: usableUntil(single, signing, subject),
    sloppiness,
    certificate,
    issuer,
    servedChain: subject.servedChain,
    now: subject.now,
    policy: subject.policy,
  }
}

const NOTHING_READ = {
  response: undefined,
  basic: undefined,
  single: undefined,
  match: undefined,
  signing: undefined,
  usableUntil: undefined,
  sloppiness: [],
} as const

/** Whether every field of the CertID that could be compared is the certificate's. */
export function isMatch({ name, key, serial }: CertIDMatch): boolean {
  return name && key !== false && serial === 'same'
}

/** How a SingleResponse names a certificate, with whichever hash it uses. */
export function matchCertID(
  { bytes }: OcspResponse,
  single: SingleResponse,
  certificate: Certificate,
  issuer: Certificate | undefined,
): CertIDMatch {
  const expected = expectedHashes(single.hashAlgorithm.oid, certificate, issuer)
  const { issuerNameHash: name, issuerKeyHash: key, serialNumber: serial } = single
  return {
    name: equalBytes(bytes, name.start, name.end, expected.name),
    key: expected.key && equalBytes(bytes, key.start, key.end, expected.key),
    serial: compareSerial(bytes, serial, certificate.serialNumber),
  }
}

function chooseSingle(
  response: OcspResponse,
  basic: BasicOcspResponse | undefined,
  certificate: Certificate | undefined,
  issuer: Certificate | undefined,
): Pick<Facts, 'single' | 'match'> {
  const first = basic?.responses[0]
  if (basic === undefined || first === undefined || certificate === undefined) {
    return { single: first, match: undefined }
  }
  let chosen: Pick<Facts, 'single' | 'match'> | undefined
  for (const single of basic.responses) {
    const match = matchCertID(response, single, certificate, issuer)
    chosen ??= { single, match }
    if (isMatch(match) && single.hashAlgorithm.oid === SHA1) return { single, match }
    if (isMatch(match) && !(chosen.match && isMatch(chosen.match))) chosen = { single, match }
  }
  return chosen ?? { single: first, match: undefined }
}

function compareSerial(
  bytes: Uint8Array,
  { start, end }: Span,
  own: Uint8Array,
): CertIDMatch['serial'] {
  if (equalBytes(bytes, start, end, own)) return 'same'
  const value = (octets: Uint8Array) => octets.subarray(octets.findIndex((octet) => octet !== 0))
  const [a, b] = [value(bytes.subarray(start, end)), value(own)]
  return equalBytes(a, 0, a.length, b) ? 'padded' : 'other'
}

const NO_HASH = new Uint8Array()

function expectedHashes(
  hashAlgorithm: string,
  certificate: Certificate,
  issuer: Certificate | undefined,
): { name: Uint8Array; key: Uint8Array | undefined } {
  if (hashAlgorithm === SHA1 && issuer !== undefined) {
    const { issuerNameHash, issuerKeyHash } = certID(certificate, issuer)
    return { name: issuerNameHash, key: issuerKeyHash }
  }
  const digest = digestOids.get(hashAlgorithm)
  if (digest === undefined) return { name: NO_HASH, key: NO_HASH }
  const of = (bytes: Uint8Array) => hash(digest, bytes, 'buffer')
  return { name: of(certificate.issuer), key: issuer && of(issuer.subjectPublicKey) }
}
