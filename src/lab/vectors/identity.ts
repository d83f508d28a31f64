import { createHash } from 'node:crypto'
import { tags } from '../../der/tag.ts'
import { DAY_MS } from '../../der/time.ts'
import { concat, derNull } from '../../der/writer.ts'
import { commonName } from '../../x509/name.ts'
import { distinguishedName } from '../ca.ts'
import { extension } from '../certificate-extensions.ts'
import { byKey, byName, type CertIDKnobs, type SingleResponseKnobs } from '../response-builder.ts'
import type { Family, Setting } from './setting.ts'

/** Which certificate the response is about, and who says so. */
export function identityVectors(here: Setting): Family {
  return { ...certIDVectors(here), ...manyVectors(here), ...responderIDVectors(here) }
}

function certIDVectors({ hierarchy, saying }: Setting): Family {
  const certificate = hierarchy.leaf.certificate
  const issuer = hierarchy.issuer.certificate
  const about = (knobs: Partial<CertIDKnobs>) =>
    saying({ certID: { certificate, issuer, ...knobs } })
  return {
    certid_sha1_noparams: about({ parameters: 'absent' }),
    certid_sha256: about({ hash: 'sha256' }),
    certid_sha256_noparams: about({ hash: 'sha256', parameters: 'absent' }),
    certid_sha384: about({ hash: 'sha384' }),
    certid_sha512: about({ hash: 'sha512' }),
    wrong_namehash: about({ issuerNameHash: Buffer.alloc(20, 0x11) }),
    wrong_keyhash: about({ issuerKeyHash: Buffer.alloc(20, 0x22) }),
    wrong_serial: about({ serialNumber: OTHER_SERIAL }),
    serial_nonminimal: about({
      serialNumber: concat([Uint8Array.of(0), certificate.serialNumber]),
    }),
  }
}

/** None or several SingleResponses. */
function manyVectors({ hierarchy, direct, single, at }: Setting): Family {
  const certificate = hierarchy.leaf.certificate
  const issuer = hierarchy.issuer.certificate
  const all = (...responses: readonly SingleResponseKnobs[]) =>
    direct({ responses, producedAt: at(0) })
  const ours = single()
  const sha256 = single({ certID: { certificate, issuer, hash: 'sha256' } })
  const otherID = { certID: { certificate, issuer, serialNumber: OTHER_SERIAL } }
  const other = single(otherID)
  const expired = { thisUpdate: at(-10 * DAY_MS), nextUpdate: at(-3 * DAY_MS) }
  const critical = { extensions: [extension('2.999.2', derNull(), 'critical')] }
  return {
    multi_empty: all(),
    multi_sha1_then_sha256: all(ours, sha256),
    multi_sha256_then_sha1: all(sha256, ours),
    multi_other_then_ours: all(other, ours),
    multi_ours_then_other: all(ours, other),
    multi_dup_ours: all(ours, ours),
    multi_good_then_revoked: all(ours, single({ certStatus: { revokedAt: at(-DAY_MS) } })),
    multi_good_then_unknown: all(ours, single({ certStatus: 'unknown' })),
    multi_ours_then_other_expired: all(ours, single({ ...otherID, ...expired })),
    sext_other_single_critical: all(ours, single({ ...otherID, ...critical })),
  }
}

/** A ResponderID that is not that of the issuer, who signed. */
function responderIDVectors({ hierarchy, direct }: Setting): Family {
  const { subject, subjectPublicKey } = hierarchy.issuer.certificate
  const cn = commonName(subject) ?? ''
  const sha256 = createHash('sha256').update(subjectPublicKey).digest()
  const naming = (name: Uint8Array) => direct({ responderID: byName(name) })
  return {
    rid_byname_wrong: naming(distinguishedName('somebody else')),
    rid_byname_printablestring_variant: naming(distinguishedName(cn, tags.printableString)),
    rid_byname_case_variant: naming(distinguishedName(cn.toUpperCase())),
    rid_bykey_wrong: direct({ responderID: byKey(Buffer.alloc(20, 0x33)) }),
    rid_bykey_sha256: direct({ responderID: byKey(sha256) }),
  }
}

/** A serial number that no certificate of the lab has. */
const OTHER_SERIAL = Uint8Array.of(0x2a, 0x2a)
