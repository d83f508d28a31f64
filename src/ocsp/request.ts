import { hash } from 'node:crypto'
import { type DerReader, type Malformed, readWhole, type Span } from '../der/reader.ts'
import { contextConstructed } from '../der/tag.ts'
import { derNull, integer, octetString, oid, sequence } from '../der/writer.ts'
import type { AlgorithmIdentifier } from '../x509/algorithm.ts'
import type { Certificate } from '../x509/certificate.ts'
import { equalBytes } from './equal-bytes.ts'
import { certIDFields } from './response.ts'

/** Names one certificate to a responder (RFC 6960 §4.1.1). Always with SHA-1: curl, nginx, HAProxy, OpenJDK and wolfSSL match nothing else. */
export interface CertID {
  /** SHA-1 over the DER of the issuer *field of the leaf*. */
  readonly issuerNameHash: Uint8Array
  /** SHA-1 over the issuer's subjectPublicKey octets. */
  readonly issuerKeyHash: Uint8Array
  /** Content octets of the leaf's serial number, exactly as encoded there. */
  readonly serialNumber: Uint8Array
}

/** A CertID as it was received, whatever its hash. */
export interface ReceivedCertID extends CertID {
  readonly hashAlgorithm: AlgorithmIdentifier
}

/** The CertID of `certificate` as issued by `issuer`. */
export function certID(certificate: Certificate, issuer: Certificate): CertID {
  return {
    issuerNameHash: issuerNameHash(certificate, issuer),
    issuerKeyHash: keyHash(issuer),
    serialNumber: certificate.serialNumber,
  }
}

/** A CertID as one string for look-ups: the hex of its three fields one after the other. */
export function certIDKey({ issuerNameHash, issuerKeyHash, serialNumber }: CertID): string {
  return Buffer.concat([issuerNameHash, issuerKeyHash, serialNumber]).toString('hex')
}

/**
 * An OCSP request for one certificate, DER: SHA-1 CertID with NULL parameters, no nonce, no requestorName, no signature, as browsers
 * send it and caches want it (RFC 9919 §3.1.1, but for the hash).
 */
// OCSPRequest ::= SEQUENCE { tbsRequest TBSRequest, optionalSignature [0] EXPLICIT Signature OPTIONAL }
// TBSRequest ::= SEQUENCE {
//   version            [0] EXPLICIT Version DEFAULT v1,
//   requestorName      [1] EXPLICIT GeneralName OPTIONAL,
//   requestList            SEQUENCE OF Request,
//   requestExtensions  [2] EXPLICIT Extensions OPTIONAL }
// Request ::= SEQUENCE { reqCert CertID, singleRequestExtensions [0] EXPLICIT Extensions OPTIONAL }   RFC 6960 §4.1.1
export function encodeRequest(id: CertID): Uint8Array {
  const hashAlgorithm = sequence(oid(SHA1), derNull())
  const reqCert = sequence(
    hashAlgorithm,
    octetString(id.issuerNameHash),
    octetString(id.issuerKeyHash),
    integer(id.serialNumber),
  )
  const requestList = sequence(sequence(reqCert))
  return sequence(sequence(requestList))
}

/** The CertIDs that an OCSP request asks for, in order; its extensions and signature are stepped over. */
export function parseRequest(bytes: Uint8Array): readonly ReceivedCertID[] | Malformed {
  return readWhole(bytes, 'OCSPRequest', (reader) =>
    reader.sequence('OCSPRequest', (request) => {
      const ids = request.sequence('TBSRequest', (tbs) => {
        for (const tag of [contextConstructed(0), contextConstructed(1)]) {
          if (tbs.has(tag)) tbs.any('TBSRequest')
        }
        const list = tbs.sequence('TBSRequest.requestList', (r) =>
          r.all('TBSRequest.requestList', MAX_REQUESTS, singleRequest),
        )
        while (!tbs.done) tbs.any('TBSRequest.requestExtensions')
        return list
      })
      while (!request.done) request.any('OCSPRequest.optionalSignature')
      return ids
    }),
  )
}

function singleRequest(reader: DerReader): ReceivedCertID {
  return reader.sequence('Request', (r) => {
    const id = receivedCertID(r)
    while (!r.done) r.any('Request.singleRequestExtensions')
    return id
  })
}

function receivedCertID(reader: DerReader): ReceivedCertID {
  const view = ({ start, end }: Span) => reader.bytes.subarray(start, end)
  const id = reader.sequence('CertID', certIDFields)
  return {
    hashAlgorithm: id.hashAlgorithm,
    issuerNameHash: view(id.issuerNameHash),
    issuerKeyHash: view(id.issuerKeyHash),
    serialNumber: view(id.serialNumber),
  }
}

/** SHA-1 over the subjectPublicKey octets of `certificate`, computed once for each: issuerKeyHash, and ResponderID byKey. */
export function keyHash(certificate: Certificate): Uint8Array {
  return sha1Once(keyHashes, certificate, certificate.subjectPublicKey)
}

/** As a rule the issuer field is the issuer's subject byte for byte, and computed once for all that it has issued. */
function issuerNameHash({ issuer: name }: Certificate, issuer: Certificate): Uint8Array {
  const isSubject = equalBytes(name, 0, name.length, issuer.subject)
  return isSubject ? sha1Once(subjectHashes, issuer, name) : sha1(name)
}

function sha1Once(
  hashes: WeakMap<Certificate, Uint8Array>,
  certificate: Certificate,
  bytes: Uint8Array,
): Uint8Array {
  const known = hashes.get(certificate)
  if (known !== undefined) return known
  const hash = sha1(bytes)
  hashes.set(certificate, hash)
  return hash
}

const keyHashes = new WeakMap<Certificate, Uint8Array>()
const subjectHashes = new WeakMap<Certificate, Uint8Array>()

function sha1(bytes: Uint8Array): Uint8Array {
  return hash('sha1', bytes, 'buffer')
}

/** id-sha1 (RFC 3279 §2.1). */
export const SHA1 = '1.3.14.3.2.26'

/** Largest number of certificates asked for at once that is answered at all; browsers and servers ask for one. */
const MAX_REQUESTS = 16
