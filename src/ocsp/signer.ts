import { type Element, type Malformed, readWhole } from '../der/reader.ts'
import { type Certificate, certificate, publicKey } from '../x509/certificate.ts'
import { signatureByKeyOf } from '../x509/issuer.ts'
import { normalizedName } from '../x509/name.ts'
import { type SignatureScheme, signatureScheme, verifyWith } from '../x509/signature.ts'
import { equalBytes } from './equal-bytes.ts'
import { keyHash } from './request.ts'
import type { BasicOcspResponse, OcspResponse } from './response.ts'

/** A certificate that a response carries, read or not. */
export interface Embedded {
  readonly element: Element
  /** Its place among the embedded certificates. */
  readonly index: number
  readonly certificate: Certificate | Malformed
  readonly designated: Designation
}

/** Whether a responderID means a certificate: to the byte, only after RFC 5280 §7.1 comparison of names, or not. */
export type Designation = 'exactly' | 'equivalently' | 'no'

/** Whose key verifies the signature. */
export type Signer = { readonly kind: 'issuer'; readonly certificate: Certificate } | Delegate

/** A delegated signer: a certificate in the response whose key signed it. */
export interface Delegate {
  readonly kind: 'delegate'
  readonly certificate: Certificate
  /** Its place among the embedded certificates. */
  readonly index: number
  readonly designated: Designation
}

/** All that the signature of a response shows. */
export interface Signing {
  /** `undefined` for an algorithm that is not supported. */
  readonly scheme: SignatureScheme | undefined
  /** `undefined` where the signature verifies with no key at hand. */
  readonly signer: Signer | undefined
  /** Whether responderID means the issuer; `no` also where the issuer is not known. */
  readonly issuerDesignated: Designation
  readonly embedded: readonly Embedded[]
}

/**
 * Finds who signed a response: the issuer, or one of the embedded certificates. Whom responderID means is tried first; the others
 * only to say who it was. Which of them may sign is for rules to judge.
 */
export function findSigner(
  response: OcspResponse,
  basic: BasicOcspResponse,
  issuer: Certificate | undefined,
): Signing {
  const scheme = signatureScheme(basic.signatureAlgorithm)
  const issuerDesignated = issuer === undefined ? 'no' : designation(response, basic, issuer)
  const embedded =
    basic.certs?.map((element, index) => readEmbedded(element, index, response, basic)) ?? NONE
  const signers = candidates(issuer, issuerDesignated, embedded)
  const signer = scheme && chooseSigner(signers, response, basic, scheme, issuer)
  return { scheme, signer, issuerDesignated, embedded }
}

function readEmbedded(
  element: Element,
  index: number,
  response: OcspResponse,
  basic: BasicOcspResponse,
): Embedded {
  const certificate = embeddedCertificate(response.bytes, element)
  const designated = 'kind' in certificate ? 'no' : designation(response, basic, certificate)
  return { element, index, certificate, designated }
}

/** Whether the signature over tbsResponseData is by the key of `by` with this scheme. */
export function signedBy(
  { bytes }: OcspResponse,
  { tbsResponseData: tbs, signature }: BasicOcspResponse,
  scheme: SignatureScheme,
  by: Certificate,
): boolean {
  const key = publicKey(by)
  if (key === undefined) return false
  const signed = bytes.subarray(tbs.start, tbs.end)
  const bits = bytes.subarray(signature.start, signature.end)
  return verifyWith(scheme, { signed, signature: bits, key }) === 'valid'
}

function designation(
  { bytes }: OcspResponse,
  { responderID: { kind, start, end } }: BasicOcspResponse,
  of: Certificate,
): Designation {
  if (kind === 'byKey') return equalBytes(bytes, start, end, keyHash(of)) ? 'exactly' : 'no'
  if (equalBytes(bytes, start, end, of.subject)) return 'exactly'
  const name = normalizedName(bytes.subarray(start, end))
  return name !== undefined && name === normalizedName(of.subject) ? 'equivalently' : 'no'
}

/** Whose key may have signed, in the order to try: whom responderID means, the issuer first, then the others. */
function candidates(
  issuer: Certificate | undefined,
  issuerDesignated: Designation,
  embedded: readonly Embedded[],
): readonly Signer[] {
  const direct: Signer[] = issuer === undefined ? [] : [{ kind: 'issuer', certificate: issuer }]
  if (embedded.length === 0) return direct
  const signers = issuerDesignated === 'no' ? [] : direct
  for (const one of embedded) if (one.designated !== 'no') addDelegate(signers, one, issuer)
  if (issuerDesignated === 'no') signers.push(...direct)
  for (const one of embedded) if (one.designated === 'no') addDelegate(signers, one, issuer)
  return signers
}

function addDelegate(
  signers: Signer[],
  { certificate, index, designated }: Embedded,
  issuer: Certificate | undefined,
): void {
  if ('kind' in certificate || isSameKey(certificate, issuer)) return
  signers.push({ kind: 'delegate', certificate, index, designated })
}

/**
 * The first candidate whose key verifies; among certificates of the same key one that the issuer has issued, and of those the one that
 * lasts longest: a CA may embed an old one beside it, or a damaged one.
 */
function chooseSigner(
  signers: readonly Signer[],
  response: OcspResponse,
  basic: BasicOcspResponse,
  scheme: SignatureScheme,
  issuer: Certificate | undefined,
): Signer | undefined {
  const first = firstToVerify(signers, response, basic, scheme)
  if (first?.kind !== 'delegate' || basic.certs?.length === 1) return first
  const copies = signers.filter((one) => isCopy(one, first)).slice(0, MAX_KEYS_TRIED)
  const issued = copies.filter(
    ({ certificate }) => issuer !== undefined && signatureByKeyOf(issuer, certificate) === 'valid',
  )
  const [best = first, ...others] = issued.length > 0 ? issued : [first, ...copies]
  return others.reduce(longerLasting, best)
}

/** Whether it is of the same key, and meant by responderID as well as the other. */
function isCopy(one: Signer, of: Delegate): boolean {
  if (one.kind !== 'delegate' || one.designated !== of.designated) return false
  return isSameKey(one.certificate, of.certificate)
}

function longerLasting(one: Signer, other: Signer): Signer {
  return other.certificate.notAfter > one.certificate.notAfter ? other : one
}

function firstToVerify(
  signers: readonly Signer[],
  response: OcspResponse,
  basic: BasicOcspResponse,
  scheme: SignatureScheme,
): Signer | undefined {
  let tried = 0
  for (const signer of signers) {
    if (tried++ === MAX_KEYS_TRIED) return undefined
    if (signedBy(response, basic, scheme, signer.certificate)) return signer
  }
  return undefined
}

function isSameKey(a: Certificate, b: Certificate | undefined): boolean {
  if (a === b || b === undefined) return a === b
  return equalBytes(a.subjectPublicKey, 0, a.subjectPublicKey.length, b.subjectPublicKey)
}

/** The embedded certificate at `element`, from memory where these very bytes were read before. */
function embeddedCertificate(bytes: Uint8Array, element: Element): Certificate | Malformed {
  const key = fold(bytes, element.end)
  const known = remembered.get(key)
  if (known !== undefined && equalBytes(bytes, element.start, element.end, known.der)) return known
  const der = bytes.slice(element.start, element.end)
  const read = readWhole(der, 'Certificate', certificate)
  if ('kind' in read) return read
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  remembered.set(key, read)
  return read
}

// Reading a certificate and loading its key costs several verifications, and a CA embeds the same signer for weeks.
const remembered = new Map<number, Certificate>()
const MAX_REMEMBERED = 4_096

/** A number made of the last octets of a certificate, which are of its signature and so as good as random. */
function fold(bytes: Uint8Array, end: number): number {
  let value = 0
  for (let i = Math.max(0, end - 8); i < end; i++)
    value = (Math.imul(value, 257) + (bytes[i] ?? 0)) | 0
  return value
}

const NONE: readonly Embedded[] = []
/** A response with more possible signers than this is an attack on the verifier's time. */
const MAX_KEYS_TRIED = 8
