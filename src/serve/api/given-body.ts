import { readBundle } from '../../certificates/bundle.ts'
import type { GivenCertificate } from '../../refresh/given-certificates.ts'
import { findIssuer } from '../../x509/issuer.ts'

/** Most that a body may have, in bytes: the longest real chains have 20 kB. */
export const MAX_BODY_BYTES = 65_536

/** What is wrong with a body, for who sent it. */
export interface BodyProblem {
  readonly problem: string
}

/**
 * Reads a certificate with its chain, PEM or one DER certificate. A private key among them is refused unread. The bytes are zeroed: nothing of
 * them stays but the certificates.
 */
export function readGivenBody(body: Buffer): GivenCertificate | BodyProblem {
  try {
    if (body.includes('PRIVATE KEY')) return { problem: KEY }
    if (body.length === 0) return { problem: EMPTY }
    const { leaves, issuers, problems } = readBundle(body)
    const [certificate, ...more] = leaves
    if (certificate === undefined) return { problem: problems[0] ?? NO_LEAF }
    if (more.length > 0) {
      const count = leaves.length
      return { problem: `holds ${count} server certificates; give one, and its issuers` }
    }
    return { certificate, issuer: findIssuer(certificate, issuers) }
  } finally {
    body.fill(0)
  }
}

const KEY =
  'holds a private key, which was not read: send certificates only, as `everstaple ensure` does, and keep keys where they are'
const EMPTY = 'is empty; send the certificate and its issuer’s, as PEM'
const NO_LEAF = 'holds no certificate of a server, only of CAs; put the server’s first'
