import { createHash } from 'node:crypto'
import { tags } from '../der/tag.ts'
import type { EpochMs } from '../der/time.ts'
import {
  bitString,
  concat,
  derNull,
  enumerated,
  explicit,
  generalizedTime,
  implicit,
  integer,
  octetString,
  oid,
  sequence,
  smallInteger,
  text,
  tlv,
} from '../der/writer.ts'
import type { Certificate } from '../x509/certificate.ts'
import { keyHash, type LabCertificate } from './ca.ts'
import { extension } from './certificate-extensions.ts'
import {
  digestAlgorithm,
  type SigningAlgorithm,
  type SigningDigest,
  signatureAlgorithm,
  signBytes,
  usualAlgorithm,
} from './signing.ts'

/** What an OCSP response says, in wire order. Everything but `responses` and `signer` has an honest default; everything can lie. */
export interface ResponseKnobs {
  /** OCSPResponseStatus. Default: 0, successful. */
  readonly responseStatus?: number
  /** Default: `present`. */
  readonly responseBytes?: 'present' | 'absent'
  /** Default: id-pkix-ocsp-basic. */
  readonly responseType?: string
  /** 0 is v1 written out, 1 is v2. Default: absent, which means v1. */
  readonly version?: number
  /** DER; see {@link byName} and {@link byKey}. Default: byKey of the signer. */
  readonly responderID?: Uint8Array
  /** Default: thisUpdate of the first single response. */
  readonly producedAt?: Time
  readonly responses: readonly SingleResponseKnobs[]
  /** Each a whole Extension in DER. `[]` is an empty Extensions. Default: absent. */
  readonly responseExtensions?: readonly Uint8Array[]
  readonly signer: Pick<LabCertificate, 'certificate' | 'key'>
  /** The algorithm that really signs. Default: the usual one for the key. */
  readonly signWith?: SigningAlgorithm
  /** The AlgorithmIdentifier as claimed, DER. Default: the truth. */
  readonly signatureAlgorithm?: Uint8Array
  /** Puts another signature in the place of the right one. */
  readonly signature?: (right: Uint8Array) => Uint8Array
  /** Bits of the signature's last octet that are said not to count. Default: 0. */
  readonly unusedBits?: number
  /** Embedded certificates, any bytes in any order. `[]` is an empty SEQUENCE. Default: absent. */
  readonly certs?: readonly Uint8Array[]
  /** Sloppy encodings, by the field that has them. */
  readonly encoding?: Partial<Record<Level, Encoding>>
  /** Changes the finished response: cuts it, doubles it, … */
  readonly whole?: (response: Uint8Array) => Uint8Array
  /** Pads with a non-critical response extension until the whole has exactly this size. */
  readonly sizeBytes?: number
}

/** A SingleResponse, in wire order. */
export interface SingleResponseKnobs {
  /** Knobs, or any DER. */
  readonly certID: CertIDKnobs | Uint8Array
  /** Or any DER. Default: `good`. */
  readonly certStatus?: CertStatusKnob | Uint8Array
  readonly thisUpdate: Time
  /** Default: absent. */
  readonly nextUpdate?: Time | undefined
  /** Each a whole Extension in DER. `[]` is an empty Extensions. Default: absent. */
  readonly extensions?: readonly Uint8Array[]
}

/** A CertID, in wire order. */
export interface CertIDKnobs {
  readonly certificate: Certificate
  readonly issuer: Certificate
  /** Default: `sha1`. */
  readonly hash?: SigningDigest
  /** Parameters of hashAlgorithm. Default: `null`. */
  readonly parameters?: 'null' | 'absent'
  readonly issuerNameHash?: Uint8Array
  readonly issuerKeyHash?: Uint8Array
  readonly serialNumber?: Uint8Array
}

/** `reason` is a CRLReason number. */
export type CertStatusKnob =
  | 'good'
  | 'unknown'
  | { readonly revokedAt: EpochMs; readonly reason?: number }

/** A time, or any text in the place of one. */
export type Time = EpochMs | string

/** The fields whose encoding can be sloppy, named as in RFC 6960 §4.2.1. */
export type Level =
  | 'OCSPResponse'
  | 'ResponseBytes'
  | 'BasicOCSPResponse'
  | 'ResponseData'
  | 'SingleResponse'
  | 'certs'

/** How one field departs from DER. */
export interface Encoding {
  /** `long`: the length in more octets than it needs. Default: DER. */
  readonly length?: 'long' | 'indefinite'
  /** Bytes after the last field inside. */
  readonly inside?: Uint8Array
  /** Bytes after the element, inside of what holds it. */
  readonly after?: Uint8Array
}

/** ResponderID by the name (DER) of the signer. */
export function byName(name: Uint8Array): Uint8Array {
  return explicit(1, name)
}

/** ResponderID by a hash of the signer's key; SHA-1 by rights. */
export function byKey(hash: Uint8Array): Uint8Array {
  return explicit(2, octetString(hash))
}

/** Encodes and signs a response as the knobs say. */
// OCSPResponse ::= SEQUENCE {
//   responseStatus      OCSPResponseStatus,
//   responseBytes   [0] EXPLICIT ResponseBytes OPTIONAL }
// ResponseBytes ::= SEQUENCE { responseType OBJECT IDENTIFIER, response OCTET STRING }   RFC 6960 §4.2.1
export function buildResponse(knobs: ResponseKnobs): Uint8Array {
  const { sizeBytes, ...unpadded } = knobs
  if (sizeBytes !== undefined) return padded(unpadded, sizeBytes)
  const fields = [enumerated(knobs.responseStatus ?? 0)]
  if (knobs.responseBytes !== 'absent') {
    const type = oid(knobs.responseType ?? ID_PKIX_OCSP_BASIC)
    const basic = octetString(basicOCSPResponse(knobs))
    fields.push(explicit(0, encoded(knobs, 'ResponseBytes', [type, basic])))
  }
  const response = encoded(knobs, 'OCSPResponse', fields)
  return knobs.whole?.(response) ?? response
}

// BasicOCSPResponse ::= SEQUENCE {
//   tbsResponseData      ResponseData,
//   signatureAlgorithm   AlgorithmIdentifier,
//   signature            BIT STRING,
//   certs            [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }   RFC 6960 §4.2.1
function basicOCSPResponse(knobs: ResponseKnobs): Uint8Array {
  const { signer, signWith = usualAlgorithm(signer.key), certs } = knobs
  const tbsResponseData = responseData(knobs)
  const right = signBytes(signWith, signer.key, tbsResponseData)
  const fields = [
    tbsResponseData,
    knobs.signatureAlgorithm ?? signatureAlgorithm(signWith),
    bitString(knobs.signature?.(right) ?? right, knobs.unusedBits),
    ...(certs === undefined ? [] : [explicit(0, encoded(knobs, 'certs', certs))]),
  ]
  return encoded(knobs, 'BasicOCSPResponse', fields)
}

// ResponseData ::= SEQUENCE {
//   version             [0] EXPLICIT Version DEFAULT v1,
//   responderID             ResponderID,
//   producedAt              GeneralizedTime,
//   responses               SEQUENCE OF SingleResponse,
//   responseExtensions  [1] EXPLICIT Extensions OPTIONAL }   RFC 6960 §4.2.1
function responseData(knobs: ResponseKnobs): Uint8Array {
  const { version, responses, responseExtensions } = knobs
  const producedAt = knobs.producedAt ?? responses[0]?.thisUpdate ?? '19700101000000Z'
  const fields = [
    ...(version === undefined ? [] : [explicit(0, smallInteger(version))]),
    knobs.responderID ?? byKey(keyHash(knobs.signer.certificate)),
    time(producedAt),
    sequence(...responses.map((single) => singleResponse(knobs, single))),
    ...(responseExtensions === undefined ? [] : [explicit(1, sequence(...responseExtensions))]),
  ]
  return encoded(knobs, 'ResponseData', fields)
}

// SingleResponse ::= SEQUENCE {
//   certID                CertID,
//   certStatus            CertStatus,
//   thisUpdate            GeneralizedTime,
//   nextUpdate        [0] EXPLICIT GeneralizedTime OPTIONAL,
//   singleExtensions  [1] EXPLICIT Extensions OPTIONAL }   RFC 6960 §4.2.1
function singleResponse(knobs: ResponseKnobs, single: SingleResponseKnobs): Uint8Array {
  const { certStatus: status = 'good', nextUpdate, extensions } = single
  const fields = [
    single.certID instanceof Uint8Array ? single.certID : certID(single.certID),
    status instanceof Uint8Array ? status : certStatus(status),
    time(single.thisUpdate),
    ...(nextUpdate === undefined ? [] : [explicit(0, time(nextUpdate))]),
    ...(extensions === undefined ? [] : [explicit(1, sequence(...extensions))]),
  ]
  return encoded(knobs, 'SingleResponse', fields)
}

// CertID ::= SEQUENCE {
//   hashAlgorithm   AlgorithmIdentifier,
//   issuerNameHash  OCTET STRING, -- hash of issuer's DN
//   issuerKeyHash   OCTET STRING, -- hash of issuer's public key
//   serialNumber    CertificateSerialNumber }          RFC 6960 §4.1.1
function certID(knobs: CertIDKnobs): Uint8Array {
  const { certificate, issuer, hash = 'sha1' } = knobs
  const digest = (bytes: Uint8Array) => createHash(hash).update(bytes).digest()
  return sequence(
    digestAlgorithm(hash, knobs.parameters),
    octetString(knobs.issuerNameHash ?? digest(certificate.issuer)),
    octetString(knobs.issuerKeyHash ?? digest(issuer.subjectPublicKey)),
    integer(knobs.serialNumber ?? certificate.serialNumber),
  )
}

// CertStatus ::= CHOICE {
//   good     [0] IMPLICIT NULL,
//   revoked  [1] IMPLICIT SEQUENCE { revocationTime GeneralizedTime, revocationReason [0] EXPLICIT CRLReason OPTIONAL },
//   unknown  [2] IMPLICIT NULL }                       RFC 6960 §4.2.1
function certStatus(status: CertStatusKnob): Uint8Array {
  if (status === 'good') return implicit(0, Uint8Array.of())
  if (status === 'unknown') return implicit(2, Uint8Array.of())
  const { revokedAt, reason } = status
  return explicit(
    1,
    generalizedTime(revokedAt),
    ...(reason === undefined ? [] : [explicit(0, enumerated(reason))]),
  )
}

function time(at: Time): Uint8Array {
  return typeof at === 'string' ? text(tags.generalizedTime, at) : generalizedTime(at)
}

/** A SEQUENCE at a level whose encoding can be sloppy. */
function encoded(knobs: ResponseKnobs, level: Level, fields: readonly Uint8Array[]): Uint8Array {
  const { length, inside, after } = knobs.encoding?.[level] ?? {}
  const content = concat([...fields, inside ?? Uint8Array.of()])
  return concat([sequenceWith(content, length), after ?? Uint8Array.of()])
}

function sequenceWith(content: Uint8Array, length: Encoding['length']): Uint8Array {
  switch (length) {
    case undefined:
      return sequence(content)
    case 'indefinite':
      return concat([Uint8Array.of(tags.sequence, 0x80), content, Uint8Array.of(0, 0)])
    case 'long': {
      const octets = Buffer.alloc(5)
      octets[0] = 0x84
      octets.writeUInt32BE(content.length, 1)
      return concat([Uint8Array.of(tags.sequence), octets, content])
    }
  }
}

/** Finds the padding by trying, as lengths of lengths and ECDSA signatures vary. */
function padded(knobs: ResponseKnobs, sizeBytes: number): Uint8Array {
  const { responseExtensions = [] } = knobs
  let padding = Math.max(0, sizeBytes - buildResponse(knobs).length)
  for (let attempt = 0; attempt < 50; attempt++) {
    const filler = extension(PADDING_OID, tlv(tags.octetString, Buffer.alloc(padding, 0x61)))
    const response = buildResponse({
      ...knobs,
      responseExtensions: [...responseExtensions, filler],
    })
    if (response.length === sizeBytes) return response
    padding = Math.max(0, padding + sizeBytes - response.length)
  }
  throw new Error(`no padding makes the response ${sizeBytes} bytes long`)
}

/** The shortest OCSPResponse: a status and nothing else, unsigned, as errors are sent. */
export function errorResponse(responseStatus: number): Uint8Array {
  return sequence(enumerated(responseStatus))
}

/** NULL parameters added to an AlgorithmIdentifier that should have none (ECDSA). */
export function withNullParameters(algorithmOid: string): Uint8Array {
  return sequence(oid(algorithmOid), derNull())
}

const ID_PKIX_OCSP_BASIC = '1.3.6.1.5.5.7.48.1.1'
/** An OID under the arc for examples (X.660). */
const PADDING_OID = '2.999.1'
