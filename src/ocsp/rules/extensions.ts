import { readWhole } from '../../der/reader.ts'
import { tags } from '../../der/tag.ts'
import type { Extension } from '../../x509/extensions.ts'
import type { ClientName } from '../clients.ts'
import { onBasic, onSingle, type Rule } from '../rule.ts'

export const responseExtensionCritical: Rule = {
  name: 'response-extension-critical',
  meaning:
    'An extension of the whole response is marked critical; clients refuse what they cannot act on.',
  reference: 'RFC 6960 §4.4; mozilla::pkix, BoringSSL, OpenJDK',
  rejectedBy: ['mozpkix', 'boringssl', 'openjdk'],
  remedy: 'fatal',
  check: onBasic(({ responseExtensions }) => critical(responseExtensions)),
}

export const singleExtensionCritical: Rule = {
  name: 'single-extension-critical',
  meaning:
    'An extension of the certificate’s entry is marked critical; clients refuse what they cannot act on.',
  reference: 'RFC 6960 §4.4; mozilla::pkix, BoringSSL, Go, OpenJDK',
  rejectedBy: ['mozpkix', 'boringssl', 'go', 'openjdk'],
  remedy: 'fatal',
  check: onSingle(({ singleExtensions }) => {
    const found = critical(singleExtensions)
    const onlyScts = singleExtensions.every((e) => !e.critical || e.oid === SCT_LIST)
    return found && onlyScts ? { ...found, rejectedBy: ['go', 'openjdk'] } : found
  }),
}

export const extensionDuplicate: Rule = {
  name: 'extension-duplicate',
  meaning:
    'The same extension appears twice; Chromium ignores the response, Firefox if it is the list of certificate timestamps.',
  reference: 'RFC 5280 §4.2; BoringSSL, mozilla::pkix',
  rejectedBy: ['mozpkix', 'boringssl'],
  remedy: 'fatal',
  check: onBasic(({ responseExtensions, responses }) => {
    const lists = [responseExtensions, ...responses.map((single) => single.singleExtensions)]
    const twice = lists.map(duplicate).find((oid) => oid !== undefined)
    if (twice === undefined) return undefined
    const isOfFirefox = lists.slice(1).some((list) => list.filter(isSctList).length > 1)
    const rejectedBy: ClientName[] = isOfFirefox ? ['mozpkix', 'boringssl'] : ['boringssl']
    return { saw: `${twice} twice`, required: 'once', rejectedBy }
  }),
}

export const sctListEmpty: Rule = {
  name: 'sct-list-empty',
  meaning: 'The list of certificate timestamps is empty, which Firefox calls malformed.',
  reference: 'RFC 6962 §3.3; mozilla::pkix',
  rejectedBy: ['mozpkix'],
  remedy: 'fatal',
  check: onSingle(({ singleExtensions }) => {
    if (singleExtensions.length === 0) return undefined
    const list = singleExtensions.find(isSctList)
    return list !== undefined && isEmptySctList(list)
      ? { saw: 'an empty list of timestamps', required: 'at least one, or no list' }
      : undefined
  }),
}

export const nonceNotOctetString: Rule = {
  name: 'nonce-not-octet-string',
  meaning: 'A nonce that nobody asked for stands bare in its extension; wolfSSL refuses it.',
  reference: 'RFC 9654 §2.1; wolfSSL',
  rejectedBy: ['wolfssl'],
  remedy: 'fatal',
  check: onBasic(({ responseExtensions }) => {
    if (responseExtensions.length === 0) return undefined
    const nonce = responseExtensions.find(({ oid }) => oid === NONCE)
    return nonce === undefined || isOctetString(nonce.value)
      ? undefined
      : { saw: `nonce of ${nonce.value.length} bare bytes`, required: 'an OCTET STRING inside' }
  }),
}

function critical(extensions: readonly Extension[]): ReturnType<Rule['check']> {
  const found = extensions.find((extension) => extension.critical)
  return found && { saw: `critical ${found.oid}`, required: 'no critical extension' }
}

function duplicate(extensions: readonly Extension[]): string | undefined {
  if (extensions.length < 2) return undefined
  const oids = extensions.map(({ oid }) => oid)
  return oids.find((oid, index) => oids.indexOf(oid) !== index)
}

function isSctList({ oid }: Extension): boolean {
  return oid === SCT_LIST
}

/** An OCTET STRING of a TLS-encoded list: two octets of length, then the list. */
function isEmptySctList({ value }: Extension): boolean {
  const content = readWhole(value, 'SignedCertificateTimestampList', (r) =>
    r.octetString('SignedCertificateTimestampList'),
  )
  return 'kind' in content || content.end - content.start <= 2
}

function isOctetString(value: Uint8Array): boolean {
  const read = readWhole(value, 'Nonce', (r) => [r.content(tags.octetString, 'Nonce'), r.done])
  return Array.isArray(read) && read[1] === true
}

/** id-pkix-ocsp-nonce (RFC 9654 §2.1). */
const NONCE = '1.3.6.1.5.5.7.48.1.2'
/** The SignedCertificateTimestampList in an OCSP response (RFC 6962 §3.3). */
const SCT_LIST = '1.3.6.1.4.1.11129.2.4.5'
