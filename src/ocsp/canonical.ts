import { contextConstructed, tags } from '../der/tag.ts'
import { derNull, explicit, oid, sequence, tlv } from '../der/writer.ts'
import { type AlgorithmIdentifier, algorithmDer } from '../x509/algorithm.ts'
import type { SignatureScheme } from '../x509/signature.ts'
import { equalBytes } from './equal-bytes.ts'
import type { Facts } from './facts.ts'
import { BASIC, type BasicOcspResponse } from './response.ts'
import type { Signer } from './signer.ts'

/**
 * The response with all that is not signed written as every client likes it (RFC 6960 §4.2.1): strict DER around tbsResponseData, no
 * bytes after the end, the delegated signer's certificate alone, none where the issuer signed, no parameters beside an ECDSA
 * algorithm. tbsResponseData is copied byte for byte. `undefined` where the signer is not known, as then nothing may be dropped.
 */
export function canonicalForm({ response, basic, signing }: Facts): Uint8Array | undefined {
  if (response === undefined || basic === undefined || signing?.signer === undefined) {
    return undefined
  }
  const { signer, scheme } = signing
  const { bytes, sloppiness } = response
  if (sloppiness.length === 0 && carriesOnlyWhatItMust(basic, signer, scheme)) return bytes
  const { tbsResponseData: tbs, signature } = basic
  const certs = signer.kind === 'delegate' ? [explicit(0, sequence(signer.certificate.der))] : []
  const basicResponse = sequence(
    bytes.subarray(tbs.start, tbs.end),
    canonicalAlgorithm(basic.signatureAlgorithm, scheme?.family),
    // A BIT STRING's content begins with its count of unused bits.
    tlv(tags.bitString, bytes.subarray(signature.start - 1, signature.end)),
    ...certs,
  )
  const responseBytes = sequence(oid(BASIC), tlv(tags.octetString, basicResponse))
  const canonical = sequence(
    tlv(tags.enumerated, Uint8Array.of(0)),
    tlv(contextConstructed(0), responseBytes),
  )
  return equalBytes(bytes, 0, bytes.length, canonical) ? bytes : canonical
}

/** DER has one form for each value, so a response without sloppy encodings is canonical if nothing in it is to be dropped. */
function carriesOnlyWhatItMust(
  { certs, signatureAlgorithm }: BasicOcspResponse,
  signer: Signer,
  scheme: SignatureScheme | undefined,
): boolean {
  const { parameters } = signatureAlgorithm
  if (scheme?.family === 'ecdsa' && parameters !== 'absent') return false
  if (scheme?.family === 'rsa-pkcs1' && parameters === 'other') return false
  return signer.kind === 'delegate' ? certs?.length === 1 : certs === undefined
}

function canonicalAlgorithm(
  algorithm: AlgorithmIdentifier,
  family: string | undefined,
): Uint8Array {
  const { oid: name, parameters } = algorithm
  if (parameters === 'absent' || family === 'ecdsa') return sequence(oid(name))
  const isNull = parameters === 'null' || family === 'rsa-pkcs1'
  return isNull ? sequence(oid(name), derNull()) : algorithmDer(algorithm)
}
