import { tags } from '../../der/tag.ts'
import { DAY_MS } from '../../der/time.ts'
import {
  derNull,
  enumerated,
  explicit,
  generalizedTime,
  octetString,
  sequence,
  text,
} from '../../der/writer.ts'
import { extension } from '../certificate-extensions.ts'
import type { Family, Setting } from './setting.ts'

/** Extensions of the response (`rext`) and of its SingleResponse (`sext`). */
export function extensionVectors(here: Setting): Family {
  return { ...responseExtensionVectors(here), ...singleExtensionVectors(here) }
}

function responseExtensionVectors({ direct }: Setting): Family {
  const having = (...responseExtensions: readonly Uint8Array[]) => direct({ responseExtensions })
  const nonce = Buffer.alloc(16, 0xab)
  return {
    rexts_empty: having(),
    rext_nonce: having(extension(NONCE, octetString(nonce))),
    rext_nonce_raw: having(extension(NONCE, nonce)),
    rext_nonce_critical: having(extension(NONCE, octetString(nonce), 'critical')),
    rext_unknown: having(extension(UNKNOWN, derNull())),
    rext_unknown_critical: having(extension(UNKNOWN, derNull(), 'critical')),
    rext_critical_false_explicit: having(extension(UNKNOWN, derNull(), 0x00)),
    rext_critical_bool_01: having(extension(UNKNOWN, derNull(), 0x01)),
    rext_duplicate: having(extension(UNKNOWN, derNull()), extension(UNKNOWN, derNull())),
    rext_extended_revoke: having(extension(EXTENDED_REVOKE, derNull())),
  }
}

function singleExtensionVectors({ saying, at }: Setting): Family {
  const having = (...extensions: readonly Uint8Array[]) => saying({ extensions })
  const cutoff = generalizedTime(at(-365 * DAY_MS))
  const crlID = sequence(explicit(0, text(tags.ia5String, 'http://crl.lab.test/ca.crl')))
  const scts = octetString(Buffer.from('0006000401020304', 'hex'))
  return {
    sext_empty: having(),
    sext_unknown: having(extension(UNKNOWN, derNull())),
    sext_unknown_critical: having(extension(UNKNOWN, derNull(), 'critical')),
    sext_archivecutoff: having(extension(ARCHIVE_CUTOFF, cutoff)),
    sext_archivecutoff_critical: having(extension(ARCHIVE_CUTOFF, cutoff, 'critical')),
    sext_crlref: having(extension(CRL_REFERENCE, crlID)),
    sext_invaliditydate: having(extension(INVALIDITY_DATE, generalizedTime(at(-DAY_MS)))),
    sext_reasoncode: having(extension(REASON_CODE, enumerated(1))),
    sext_sct: having(extension(SCT_LIST, scts)),
    sext_sct_critical: having(extension(SCT_LIST, scts, 'critical')),
    sext_sct_empty: having(extension(SCT_LIST, Uint8Array.of())),
  }
}

const NONCE = '1.3.6.1.5.5.7.48.1.2'
const CRL_REFERENCE = '1.3.6.1.5.5.7.48.1.3'
const ARCHIVE_CUTOFF = '1.3.6.1.5.5.7.48.1.6'
const EXTENDED_REVOKE = '1.3.6.1.5.5.7.48.1.9'
const REASON_CODE = '2.5.29.21'
const INVALIDITY_DATE = '2.5.29.24'
const SCT_LIST = '1.3.6.1.4.1.11129.2.4.5'
const UNKNOWN = '2.999.4'
