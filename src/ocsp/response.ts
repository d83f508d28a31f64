import {
  type BitString,
  type DerReader,
  type Element,
  type Malformed,
  readWhole,
  type Span,
} from '../der/reader.ts'
import type { Sloppiness } from '../der/sloppiness.ts'
import { contextConstructed, contextPrimitive, tags } from '../der/tag.ts'
import type { EpochMs } from '../der/time.ts'
import { type AlgorithmIdentifier, algorithmIdentifier } from '../x509/algorithm.ts'
import { type Extension, extensionList } from '../x509/extensions.ts'

/** An OCSP response as read; spans are offsets into `bytes`, of which nothing is copied. */
export interface OcspResponse {
  readonly bytes: Uint8Array
  /** 0 is successful; see {@link responseStatusName}. */
  readonly responseStatus: number
  readonly responseType: string | undefined
  /** Present where responseType is id-pkix-ocsp-basic. */
  readonly basic: BasicOcspResponse | undefined
  /** Encodings that could be read but are not DER, in the order met. */
  readonly sloppiness: readonly Sloppiness[]
}

/** BasicOCSPResponse with the fields of its ResponseData. */
export interface BasicOcspResponse {
  /** The signed bytes, header included: what a signature is verified over. */
  readonly tbsResponseData: Span
  /** 0 is v1, whether written out or not. */
  readonly version: number
  readonly responderID: ResponderID
  readonly producedAt: EpochMs
  readonly responses: readonly SingleResponse[]
  readonly responseExtensions: readonly Extension[]
  readonly signatureAlgorithm: AlgorithmIdentifier
  readonly signature: BitString
  /** Each embedded certificate whole and unread; `undefined` where the field is absent, which differs from empty. */
  readonly certs: readonly Element[] | undefined
}

/** Who says to have signed: a Name whole (DER), or the SHA-1 of a key. */
export type ResponderID = Span & { readonly kind: 'byName' | 'byKey' }

export interface SingleResponse {
  readonly hashAlgorithm: AlgorithmIdentifier
  readonly issuerNameHash: Span
  readonly issuerKeyHash: Span
  readonly serialNumber: Span
  readonly certStatus: CertStatusField
  readonly thisUpdate: EpochMs
  readonly nextUpdate: EpochMs | undefined
  readonly singleExtensions: readonly Extension[]
}

/** certStatus as encoded. */
export type CertStatusField =
  /** `encoding` is `null` for the only form that all clients take, 80 00. */
  | { readonly status: 'good'; readonly encoding: 'null' | 'constructed' | 'not-empty' }
  | {
      readonly status: 'revoked'
      readonly revocationTime: EpochMs
      /** CRLReason (RFC 5280 §5.3.1), where given. */
      readonly reason: number | undefined
    }
  | { readonly status: 'unknown' }

/** Reads a response as strictly as its structure demands and as leniently as its encoding allows; see `sloppiness`. */
export function parseResponse(bytes: Uint8Array): OcspResponse | Malformed {
  return readWhole(bytes, 'OCSPResponse', ocspResponse)
}

/** OCSPResponseStatus in the words of RFC 6960 §4.2.1; a number that it does not define is said as such. */
export function responseStatusName(status: number): string {
  return statusNames[status] ?? `undefined status ${status}`
}

/** id-pkix-ocsp-basic (RFC 6960 §4.2.1). */
export const BASIC = '1.3.6.1.5.5.7.48.1.1'

// OCSPResponse ::= SEQUENCE {
//   responseStatus      OCSPResponseStatus,
//   responseBytes   [0] EXPLICIT ResponseBytes OPTIONAL }   RFC 6960 §4.2.1
function ocspResponse(reader: DerReader): OcspResponse {
  const { responseStatus, responseType, basic } = reader.sequence(
    'OCSPResponse',
    ocspResponseFields,
  )
  const { bytes, sloppiness } = reader
  return { bytes, responseStatus, responseType, basic, sloppiness }
}

function ocspResponseFields(
  r: DerReader,
): Pick<OcspResponse, 'responseStatus' | 'responseType' | 'basic'> {
  const responseStatus = r.smallInteger('OCSPResponse.responseStatus', tags.enumerated)
  if (!r.has(EXPLICIT_0)) return { responseStatus, responseType: undefined, basic: undefined }
  const { responseType, basic } = r.inside(EXPLICIT_0, 'OCSPResponse.responseBytes', responseBytes)
  return { responseStatus, responseType, basic }
}

// ResponseBytes ::= SEQUENCE { responseType OBJECT IDENTIFIER, response OCTET STRING }   RFC 6960 §4.2.1
function responseBytes(reader: DerReader): Pick<OcspResponse, 'responseType' | 'basic'> {
  return reader.sequence('ResponseBytes', responseBytesFields)
}

function responseBytesFields(r: DerReader): Pick<OcspResponse, 'responseType' | 'basic'> {
  const responseType = r.oid('ResponseBytes.responseType')
  if (responseType !== BASIC) {
    r.octetString('ResponseBytes.response')
    return { responseType, basic: undefined }
  }
  return {
    responseType,
    basic: r.inside(tags.octetString, 'ResponseBytes.response', basicOcspResponse),
  }
}

// BasicOCSPResponse ::= SEQUENCE {
//   tbsResponseData      ResponseData,
//   signatureAlgorithm   AlgorithmIdentifier,
//   signature            BIT STRING,
//   certs            [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }   RFC 6960 §4.2.1
function basicOcspResponse(reader: DerReader): BasicOcspResponse {
  return reader.sequence('BasicOCSPResponse', basicOcspResponseFields)
}

function basicOcspResponseFields(r: DerReader): BasicOcspResponse {
  const start = r.position
  const data = r.sequence('ResponseData', responseData)
  const end = r.position
  const signatureAlgorithm = algorithmIdentifier(r, 'BasicOCSPResponse.signatureAlgorithm')
  const signature = r.bitString('BasicOCSPResponse.signature')
  return {
    tbsResponseData: { start, end },
    version: data.version,
    responderID: data.responderID,
    producedAt: data.producedAt,
    responses: data.responses,
    responseExtensions: data.responseExtensions,
    signatureAlgorithm,
    signature,
    certs: r.optional(EXPLICIT_0, 'BasicOCSPResponse.certs', certs),
  }
}

function certs(reader: DerReader): Element[] {
  return reader.sequence('BasicOCSPResponse.certs', embeddedCertificates)
}

function embeddedCertificates(r: DerReader): Element[] {
  return r.all('BasicOCSPResponse.certs', MAX_CERTS, embeddedCertificate)
}

function embeddedCertificate(r: DerReader): Element {
  return r.any('BasicOCSPResponse.certs')
}

type ResponseData = Pick<
  BasicOcspResponse,
  'version' | 'responderID' | 'producedAt' | 'responses' | 'responseExtensions'
>

// ResponseData ::= SEQUENCE {
//   version             [0] EXPLICIT Version DEFAULT v1,
//   responderID             ResponderID,
//   producedAt              GeneralizedTime,
//   responses               SEQUENCE OF SingleResponse,
//   responseExtensions  [1] EXPLICIT Extensions OPTIONAL }   RFC 6960 §4.2.1
function responseData(r: DerReader): ResponseData {
  return {
    version: r.optional(EXPLICIT_0, 'ResponseData.version', version) ?? 0,
    responderID: responderID(r),
    producedAt: r.generalizedTime('ResponseData.producedAt'),
    responses: r.sequence('ResponseData.responses', singleResponses),
    responseExtensions:
      r.optional(EXPLICIT_1, 'ResponseData.responseExtensions', extensionList) ?? NO_EXTENSIONS,
  }
}

function version(r: DerReader): number {
  return r.smallInteger('ResponseData.version')
}

// ResponderID ::= CHOICE { byName [1] Name, byKey [2] KeyHash }   RFC 6960 §4.2.1
function responderID(r: DerReader): ResponderID {
  if (r.has(EXPLICIT_1)) {
    const { start, end } = r.inside(EXPLICIT_1, 'ResponseData.responderID', responderName)
    return { kind: 'byName', start, end }
  }
  const { start, end } = r.inside(contextConstructed(2), 'ResponseData.responderID', keyHash)
  return { kind: 'byKey', start, end }
}

function responderName(r: DerReader): Span {
  return r.any('ResponderID.byName')
}

function keyHash(r: DerReader): Span {
  return r.octetString('ResponderID.byKey')
}

function singleResponses(r: DerReader): SingleResponse[] {
  return r.all('ResponseData.responses', MAX_SINGLE_RESPONSES, singleResponse)
}

function singleResponse(reader: DerReader): SingleResponse {
  return reader.sequence('SingleResponse', singleResponseFields)
}

// SingleResponse ::= SEQUENCE {
//   certID                CertID,
//   certStatus            CertStatus,
//   thisUpdate            GeneralizedTime,
//   nextUpdate        [0] EXPLICIT GeneralizedTime OPTIONAL,
//   singleExtensions  [1] EXPLICIT Extensions OPTIONAL }     RFC 6960 §4.2.1
function singleResponseFields(r: DerReader): SingleResponse {
  const { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber } = r.sequence(
    'CertID',
    certIDFields,
  )
  return {
    hashAlgorithm,
    issuerNameHash,
    issuerKeyHash,
    serialNumber,
    certStatus: certStatus(r),
    thisUpdate: r.generalizedTime('SingleResponse.thisUpdate'),
    nextUpdate: r.optional(EXPLICIT_0, 'SingleResponse.nextUpdate', nextUpdate),
    singleExtensions:
      r.optional(EXPLICIT_1, 'SingleResponse.singleExtensions', extensionList) ?? NO_EXTENSIONS,
  }
}

// CertID ::= SEQUENCE {
//   hashAlgorithm   AlgorithmIdentifier,
//   issuerNameHash  OCTET STRING, -- hash of issuer's DN
//   issuerKeyHash   OCTET STRING, -- hash of issuer's public key
//   serialNumber    CertificateSerialNumber }          RFC 6960 §4.1.1
/** The content of a CertID, as requests and responses carry it. */
export function certIDFields(
  r: DerReader,
): Pick<SingleResponse, 'hashAlgorithm' | 'issuerNameHash' | 'issuerKeyHash' | 'serialNumber'> {
  return {
    hashAlgorithm: algorithmIdentifier(r, 'CertID.hashAlgorithm'),
    issuerNameHash: r.octetString('CertID.issuerNameHash'),
    issuerKeyHash: r.octetString('CertID.issuerKeyHash'),
    serialNumber: r.integer('CertID.serialNumber'),
  }
}

function nextUpdate(r: DerReader): EpochMs {
  return r.generalizedTime('SingleResponse.nextUpdate')
}

// CertStatus ::= CHOICE {
//   good     [0] IMPLICIT NULL,
//   revoked  [1] IMPLICIT RevokedInfo,
//   unknown  [2] IMPLICIT UnknownInfo }                RFC 6960 §4.2.1
function certStatus(r: DerReader): CertStatusField {
  if (r.has(contextPrimitive(0))) {
    const { start, end } = r.content(contextPrimitive(0), 'SingleResponse.certStatus')
    return start === end ? GOOD : { status: 'good', encoding: 'not-empty' }
  }
  if (r.has(EXPLICIT_0)) {
    r.any('SingleResponse.certStatus')
    return { status: 'good', encoding: 'constructed' }
  }
  if (r.has(EXPLICIT_1)) return r.inside(EXPLICIT_1, 'RevokedInfo', revokedInfo)
  if (r.has(contextConstructed(2))) r.any('SingleResponse.certStatus')
  else r.content(contextPrimitive(2), 'SingleResponse.certStatus')
  return { status: 'unknown' }
}

// RevokedInfo ::= SEQUENCE {
//   revocationTime        GeneralizedTime,
//   revocationReason  [0] EXPLICIT CRLReason OPTIONAL }    RFC 6960 §4.2.1
function revokedInfo(r: DerReader): CertStatusField {
  return {
    status: 'revoked',
    revocationTime: r.generalizedTime('RevokedInfo.revocationTime'),
    reason: r.optional(EXPLICIT_0, 'RevokedInfo.revocationReason', crlReason),
  }
}

function crlReason(r: DerReader): number {
  return r.smallInteger('RevokedInfo.revocationReason', tags.enumerated)
}

const EXPLICIT_0 = contextConstructed(0)
const EXPLICIT_1 = contextConstructed(1)
const GOOD: CertStatusField = { status: 'good', encoding: 'null' }
const NO_EXTENSIONS: readonly Extension[] = []
const statusNames = [
  'successful',
  'malformedRequest',
  'internalError',
  'tryLater',
  undefined,
  'sigRequired',
  'unauthorized',
]
/** More than any responder was seen to embed (5); clients stop at 8 (acceptance.md U15), and each costs a parse. */
const MAX_CERTS = 64
/** Certum and others answer with a handful; a whole database in one answer is not for us. */
const MAX_SINGLE_RESPONSES = 256
