import { type DerReader, readWhole } from '../../der/reader.ts'
import type { Sloppiness } from '../../der/sloppiness.ts'
import { CONSTRUCTED, contextConstructed, contextPrimitive, tags } from '../../der/tag.ts'
import { type Certificate, opensslForm } from '../../x509/certificate.ts'
import { extensionOids, findExtension } from '../../x509/extensions.ts'
import { signatureByKeyOf } from '../../x509/issuer.ts'
import { formatName } from '../../x509/name.ts'
import { allBut } from '../clients.ts'
import { equalBytes } from '../equal-bytes.ts'
import { onDelegate, type Rule } from '../rule.ts'

export const signerCertificateMalformed: Rule = {
  name: 'signer-certificate-malformed',
  meaning:
    'The signer’s certificate is not well-formed. The CA has signed it so; what clients make of it differs.',
  reference: 'RFC 5280 §4.1; OpenSSL, mozilla::pkix, BoringSSL',
  rejectedBy: allBut('haproxy'),
  remedy: 'fatal',
  check: onDelegate(({ certificate }, { issuer }) => {
    const saw = issuer === undefined ? ownFault(certificate) : knownFault(certificate, issuer)
    return saw === undefined
      ? undefined
      : { saw, required: 'a certificate in DER, as RFC 5280 has it' }
  }),
}

export const signerTakenForRoot: Rule = {
  name: 'signer-taken-for-root',
  meaning:
    'The signer has the name of its issuer, and does not say that another key signed it, so OpenSSL takes it for a root of its own.',
  reference: 'OpenSSL x509v3_cache_extensions (EXFLAG_SS), RFC 5280 §4.2.1.1',
  rejectedBy: ['openssl', 'curl', 'nginx'],
  remedy: 'fatal',
  check: onDelegate(({ certificate }) => {
    const { subject, issuer, extensions } = certificate
    const { authorityKeyIdentifier: by, subjectKeyIdentifier: own } = extensions
    if (!equalBytes(subject, 0, subject.length, issuer)) return undefined
    if (by === undefined ? namesOneIssuerCertificate(certificate) : isOther(by, own))
      return undefined
    return {
      saw: `subject and issuer "${formatName(subject)}", and no authorityKeyIdentifier that tells them apart`,
      required: 'a name of its own, or the key identifiers of signer and issuer',
    }
  }),
}

function isOther(keyIdentifier: Uint8Array, own: Uint8Array | undefined): boolean {
  return own !== undefined && !equalBytes(own, 0, own.length, keyIdentifier)
}

/** Looked for once in each certificate, as it takes as long as a verification. */
function knownFault(of: Certificate, issuer: Certificate): string | undefined {
  const known = faults.get(of)
  if (known?.issuer === issuer) return known.fault
  // Whether the issuer issued it at all is for other rules to say.
  const isIssued =
    equalBytes(of.issuer, 0, of.issuer.length, issuer.subject) &&
    signatureByKeyOf(issuer, of) === 'valid'
  const fault = ownFault(of) ?? (isIssued ? opensslFault(of, issuer) : undefined)
  faults.set(of, { issuer, fault })
  return fault
}

function ownFault({ der, sloppiness, extensions }: Certificate): string | undefined {
  const whole = readWhole(der, 'Certificate', sloppyParts)
  if ('kind' in whole) return `${whole.problem} at byte ${whole.offset} of it`
  const [sloppy] = [...sloppiness, ...whole]
  if (sloppy !== undefined)
    return `${sloppy.saw} at byte ${sloppy.offset} of it, in ${sloppy.field}`
  const [unread] = extensions.malformed
  if (unread !== undefined) return `its extension ${unread.oid}: ${unread.problem}`
  const oids = extensions.all.map(({ oid }) => oid)
  const twice = oids.find((oid, index) => oids.indexOf(oid) !== index)
  return twice === undefined ? undefined : `its extension ${twice} twice`
}

/** Lengths and OBJECT IDENTIFIERs that are not DER, also in parts that nothing here reads, such as names. */
function sloppyParts(reader: DerReader): readonly Sloppiness[] {
  while (!reader.done) {
    const tag = reader.bytes[reader.position] ?? 0
    if (tag === tags.oid) reader.oid('Certificate')
    else if ((tag & CONSTRUCTED) === 0) reader.any('Certificate')
    else reader.inside(tag, 'Certificate', sloppyParts)
  }
  return reader.sloppiness
}

/** OpenSSL reads names, policies and other parts that nothing here looks at. */
function opensslFault(of: Certificate, issuer: Certificate): string | undefined {
  const [read, by] = [opensslForm(of), opensslForm(issuer)]
  if ('problem' in read) return `OpenSSL cannot read it: ${read.problem}`
  if ('problem' in by || namesOneIssuerCertificate(of)) return undefined
  if (read.checkIssued(by)) return undefined
  return `OpenSSL does not take it for one issued by "${formatName(issuer.subject)}"`
}

/**
 * Whether authorityKeyIdentifier holds name and serial number: they mean one certificate of the issuer's key, and which of several a
 * client has is its own matter (TWCA's signers of 2022 do).
 */
function namesOneIssuerCertificate({ extensions }: Certificate): boolean {
  const extension = findExtension(extensions, extensionOids.authorityKeyIdentifier)
  if (extension === undefined) return false
  const names = readWhole(extension.value, 'AuthorityKeyIdentifier', (reader) =>
    reader.sequence('AuthorityKeyIdentifier', (r) => {
      r.content(contextConstructed(1), 'AuthorityKeyIdentifier.authorityCertIssuer')
      r.content(contextPrimitive(2), 'AuthorityKeyIdentifier.authorityCertSerialNumber')
      return r.done
    }),
  )
  return names === true
}

const faults = new WeakMap<Certificate, { issuer: Certificate; fault: string | undefined }>()
