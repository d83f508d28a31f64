import type { EpochMs } from '../der/time.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { Hierarchy } from './hierarchy.ts'
import type { VectorName } from './matrix.ts'
import { delegatedVectors } from './vectors/delegated.ts'
import { encodingVectors } from './vectors/encoding.ts'
import { extensionVectors } from './vectors/extensions.ts'
import { identityVectors } from './vectors/identity.ts'
import { type Family, setting } from './vectors/setting.ts'
import { signatureVectors } from './vectors/signatures.ts'
import { timeVectors } from './vectors/times.ts'

/** A response of one kind, and the certificate that it is for. */
export interface Vector {
  readonly name: VectorName
  readonly response: Uint8Array
  readonly certificate: Certificate
  readonly issuer: Certificate
}

/**
 * Makes a response of every kind in `matrix`, good and bad, for the leaf of the hierarchy. Its CAs must have RSA keys. The first
 * call can take seconds, as an RSA-4096 key is among those that are made; a second one with the same hierarchy takes a tenth of one.
 */
export function vectors(hierarchy: Hierarchy, now: EpochMs): readonly Vector[] {
  const here = setting(hierarchy, now)
  const responses: Family = {
    ...delegatedVectors(here),
    ...identityVectors(here),
    ...timeVectors(here),
    ...encodingVectors(here),
    ...extensionVectors(here),
    ...signatureVectors(here),
  }
  const certificate = hierarchy.leaf.certificate
  const issuer = hierarchy.issuer.certificate
  return Object.entries(responses).map(([name, response]) => ({
    name: name as VectorName,
    response,
    certificate,
    issuer,
  }))
}
