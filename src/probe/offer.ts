import type { ConnectionOptions } from 'node:tls'

/** What a client offers, so that a server with several certificates has to answer with a certain one. */
export interface Offer {
  readonly tls: '1.2' | '1.3'
  /** The kind of key that the certificate shall have. */
  readonly key: 'rsa' | 'ecdsa'
}

/** One handshake each: servers staple by certificate, and some by protocol too. */
export const offers: readonly Offer[] = [
  { tls: '1.2', key: 'rsa' },
  { tls: '1.2', key: 'ecdsa' },
  { tls: '1.3', key: 'rsa' },
  { tls: '1.3', key: 'ecdsa' },
]

/** The offer as node:tls takes it. */
export function offerOptions({ tls, key }: Offer): ConnectionOptions {
  const version = `TLSv${tls}` as const
  const versions = { minVersion: version, maxVersion: version }
  // In TLS 1.2 the cipher suite decides the kind of key. Weak keys are let in: what is judged here is the staple.
  if (tls === '1.2') return { ...versions, ciphers: `${suites[key]}:!eNULL:!aNULL:@SECLEVEL=0` }
  return { ...versions, sigalgs: signatureSchemes[key].join(':') }
}

const suites = { rsa: 'aRSA', ecdsa: 'aECDSA' } as const

/** PKCS #1 is in TLS 1.3 for the signatures of certificates only (RFC 8446 §4.2.3): the CA of an ECDSA key often signs with RSA. */
const pkcs1 = ['rsa_pkcs1_sha256', 'rsa_pkcs1_sha384', 'rsa_pkcs1_sha512'] as const
const signatureSchemes = {
  rsa: ['rsa_pss_rsae_sha256', 'rsa_pss_rsae_sha384', 'rsa_pss_rsae_sha512', ...pkcs1],
  ecdsa: ['ecdsa_secp256r1_sha256', 'ecdsa_secp384r1_sha384', 'ecdsa_secp521r1_sha512', ...pkcs1],
} as const
