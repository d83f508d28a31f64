import { HOUR_MS, SECOND_MS } from '../../der/time.ts'
import { oid, sequence } from '../../der/writer.ts'
import type { KeyKind } from '../keys.ts'
import { withNullParameters } from '../response-builder.ts'
import { type SigningAlgorithm, signatureAlgorithm } from '../signing.ts'
import type { Family, Setting } from './setting.ts'

/** With what the response is signed, and how that is written. RSA is signed by the issuer, all else is delegated. */
export function signatureVectors(here: Setting): Family {
  const { direct, delegated, hierarchy } = here
  const { keys, issueSigner } = hierarchy
  const rsa = (signWith: SigningAlgorithm) => direct({ signWith })
  const signer = (kind: KeyKind) => issueSigner({ key: keys('signer', kind) })
  const ec = (kind: KeyKind, signWith: SigningAlgorithm) => delegated(signer(kind), { signWith })
  return {
    sig_rsa_sha1: rsa('rsa-sha1'),
    sig_rsa_sha384: rsa('rsa-sha384'),
    sig_rsa_sha512: rsa('rsa-sha512'),
    sig_rsa_noparams: direct({ signatureAlgorithm: sequence(oid(SHA256_WITH_RSA)) }),
    sig_pss_sha256: rsa('pss-sha256'),
    sig_pss_sha384: rsa('pss-sha384'),
    sig_pss_sha512: rsa('pss-sha512'),
    sig_ec_secp256r1_sha1: ec('prime256v1', 'ecdsa-sha1'),
    sig_ec_secp256r1_sha256: ec('prime256v1', 'ecdsa-sha256'),
    sig_ec_secp256r1_sha384: ec('prime256v1', 'ecdsa-sha384'),
    sig_ec_secp384r1_sha256: ec('secp384r1', 'ecdsa-sha256'),
    sig_ec_secp384r1_sha384: ec('secp384r1', 'ecdsa-sha384'),
    sig_ec_secp521r1_sha512: ec('secp521r1', 'ecdsa-sha512'),
    sig_ec_secp224r1_sha256: ec('secp224r1', 'ecdsa-sha256'),
    sig_ec_secp256k1_sha256: ec('secp256k1', 'ecdsa-sha256'),
    sig_ec_nullparams: delegated(signer('prime256v1'), {
      signatureAlgorithm: withNullParameters(ECDSA_WITH_SHA256),
    }),
    sig_ed25519: ec('ed25519', 'ed25519'),
    sig_alg_mismatch_claims256_is1: direct({
      signWith: 'rsa-sha1',
      signatureAlgorithm: signatureAlgorithm('rsa-sha256'),
    }),
    sig_corrupt: direct({ signature: withLastBitFlipped }),
    sig_unusedbits: oneBitUnused(here),
  }
}

function withLastBitFlipped(right: Uint8Array): Uint8Array {
  const wrong = Uint8Array.from(right)
  wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1
  return wrong
}

/** A signature whose last bit is clear and said not to count, so that a client which masks it verifies the right signature. */
function oneBitUnused({ direct, at }: Setting): Uint8Array {
  for (let second = 0; ; second++) {
    const producedAt = at(-HOUR_MS - second * SECOND_MS)
    // The signature comes last in a response without certificates.
    const response = direct({ producedAt, unusedBits: 1 })
    if (((response.at(-1) ?? 0) & 1) === 0) return response
  }
}

const SHA256_WITH_RSA = '1.2.840.113549.1.1.11'
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
