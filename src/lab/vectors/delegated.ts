import { HOUR_MS, SECOND_MS } from '../../der/time.ts'
import { derNull, sequence, smallInteger } from '../../der/writer.ts'
import { OCSP_SIGNING } from '../../x509/extensions.ts'
import { distinguishedName, keyHash, type LabCertificate, makeCertificate } from '../ca.ts'
import { extension } from '../certificate-extensions.ts'
import { type Hierarchy, SERVER_AUTH } from '../hierarchy.ts'
import { byKey, byName } from '../response-builder.ts'
import type { Family, Setting } from './setting.ts'

/** Who signs, and which certificates come along. */
export function delegatedVectors(here: Setting): Family {
  return { ...certsVectors(here), ...signerVectors(here) }
}

/** The same two good responses with other certificates inside, in other order. */
function certsVectors({ hierarchy, direct, delegated, at }: Setting): Family {
  const { root, issuer, signer } = hierarchy
  const expired = hierarchy.issueSigner({ notAfter: at(-HOUR_MS) })
  const extra = extraCertificates(hierarchy)
  const junk = sequence(smallInteger(42), derNull())
  const carrying = (...certs: readonly Uint8Array[]) => delegated(signer, { certs })
  return {
    base_direct_bykey: direct(),
    direct_byname: direct({ responderID: byName(issuer.certificate.subject) }),
    direct_embed_issuer: direct({ certs: [issuer.der] }),
    direct_embed_crosssigned_issuer: direct({ certs: [crossSignedIssuer(hierarchy).der] }),
    direct_junkcert: direct({ certs: [junk] }),
    certs_empty_sequence: direct({ certs: [] }),
    deleg_bykey: carrying(signer.der),
    deleg_byname: delegated(signer, { responderID: byName(signer.certificate.subject) }),
    deleg_plus_issuer: carrying(signer.der, issuer.der),
    deleg_plus_issuer_plus_root: carrying(signer.der, issuer.der, root.der),
    deleg_issuer_first: carrying(issuer.der, signer.der),
    deleg_missing_cert: direct({ signer }),
    deleg_dup_signer: carrying(signer.der, signer.der),
    deleg_junkcert_before: carrying(junk, signer.der),
    deleg_junkcert_after: carrying(signer.der, junk),
    deleg_1_extra_before: carrying(...extra.slice(0, 1), signer.der),
    deleg_7_extra_after: carrying(signer.der, ...extra.slice(0, 7)),
    deleg_8_extra_after: carrying(signer.der, ...extra),
    deleg_two_signers_same_key_first_expired: carrying(expired.der, signer.der),
  }
}

/** Signers with every kind of certificate. */
function signerVectors({ hierarchy, delegated, at }: Setting): Family {
  const { root, issuer, keys, issueSigner } = hierarchy
  const { certificate: ca } = issuer
  const by = (...knobs: Parameters<typeof issueSigner>) => delegated(issueSigner(...knobs))
  const named = issueSigner({ subject: ca.subject })
  return {
    deleg_no_eku: by({ extendedKeyUsage: undefined }),
    deleg_any_eku: by({ extendedKeyUsage: [ANY_EXTENDED_KEY_USAGE] }),
    deleg_serverauth_eku: by({ extendedKeyUsage: [SERVER_AUTH] }),
    deleg_eku_plus_clientauth: by({ extendedKeyUsage: [OCSP_SIGNING, CLIENT_AUTH] }),
    deleg_eku_critical: by({ extendedKeyUsageIs: 'critical' }),
    deleg_no_nocheck: by({ ocspNoCheck: undefined }),
    deleg_nocheck_critical: by({ ocspNoCheck: 'critical' }),
    deleg_unknown_critical_ext: by({ extensions: [extension('2.999.2', derNull(), 'critical')] }),
    deleg_ku_keyenc_only: by({ keyUsage: ['keyEncipherment'] }),
    deleg_ku_nonrepudiation_only: by({ keyUsage: ['nonRepudiation'] }),
    deleg_no_ku: by({ keyUsage: undefined }),
    deleg_expired_1h: by({ notAfter: at(-HOUR_MS) }),
    deleg_expired_60s: by({ notAfter: at(-60 * SECOND_MS) }),
    deleg_notyet_1h: by({ notBefore: at(HOUR_MS) }),
    deleg_notyet_60s: by({ notBefore: at(60 * SECOND_MS) }),
    deleg_is_ca: by({ isCa: true }),
    deleg_by_root: by({ issuer: root }),
    deleg_other_key_same_name: by({ issuer: { certificate: ca, key: keys('impostor') } }),
    deleg_issuer_dn_differs_same_key: by({ issuerName: distinguishedName('another CA') }),
    deleg_cert_sha1_signed: by({ signatureAlgorithm: 'rsa-sha1' }),
    deleg_rsa1024: by({ key: keys('small signer', 'rsa-1024') }),
    deleg_rsa4096: by({ key: keys('large signer', 'rsa-4096') }),
    deleg_subject_eq_issuer_bykey: delegated(named),
    deleg_subject_eq_issuer_byname: delegated(named, { responderID: byName(ca.subject) }),
    rid_deleg_name_key_of_issuer: delegated(undefined, { responderID: byKey(keyHash(ca)) }),
  }
}

/** The issuer's name and key, certified by a root that nobody trusts. */
function crossSignedIssuer({ issuer, keys }: Hierarchy): LabCertificate {
  const { subject, notBefore, notAfter } = issuer.certificate
  const validity = { notBefore, notAfter }
  const root = { isCa: true, subject: 'another root', key: keys('another root') }
  const other = makeCertificate({ ...root, ...validity })
  return makeCertificate({ ...validity, subject, key: issuer.key, isCa: true, issuer: other })
}

/** Eight valid certificates that have nothing to do with the response. */
function extraCertificates({ issueLeaf }: Hierarchy): readonly Uint8Array[] {
  return Array.from({ length: 8 }, (_, i) => issueLeaf({ dnsNames: [`extra-${i}.lab.test`] }).der)
}

const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
