import type { Malformed } from '../der/reader.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { findIssuer } from '../x509/issuer.ts'
import { sharedIssuer } from '../x509/parse-issuer.ts'
import { certificatesInPem, looksLikePem } from '../x509/pem.ts'
import { derKind } from './der-kind.ts'
import { KeptCertificate } from './kept-certificate.ts'

/** What one file holds. */
export interface Bundle {
  /** Certificates that servers present as their own: no CA, and issuer of no other one in the file. In the file's order. */
  readonly leaves: readonly Certificate[]
  /** The rest: candidates for the issuer of any leaf. */
  readonly issuers: readonly Certificate[]
  /**
   * `certificates`: at least one, or what was meant as one. `something-else`: a thing that stands beside certificates for good
   * reasons, such as a private key. `nothing-known`: none of it makes sense here.
   */
  readonly holds: 'certificates' | 'something-else' | 'nothing-known'
  /** What is wrong, each with the line where it begins if there are lines; never empty when there is no certificate. */
  readonly problems: readonly string[]
}

/** Largest file that is read, in bytes. Debian's bundle of all 140 public roots has 220 kB, the longest real chains 20 kB. */
export const MAX_FILE_BYTES = 1_048_576

/**
 * Reads the bytes of one file: PEM (chain, HAProxy's combined form with the private key inside) or one DER certificate. Every
 * certificate is a copy, so that the caller can zero `bytes` afterwards: they may hold a private key.
 */
export function readBundle(bytes: Uint8Array): Bundle {
  if (bytes.length === 0) return without('nothing-known', 'the file is empty')
  if (bytes.length > MAX_FILE_BYTES) {
    return without(
      'nothing-known',
      `larger than ${MAX_FILE_BYTES} bytes: give a file with one chain`,
    )
  }
  if (looksLikePem(bytes)) return readPem(bytes)
  if (bytes[0] === SEQUENCE) return readDer(bytes)
  return without('nothing-known', unknownText(bytes))
}

function readPem(bytes: Uint8Array): Bundle {
  const { certificates, otherLabels, problems } = certificatesInPem(bytes)
  const read: Certificate[] = []
  const wrong = problems.map(({ line, problem }) => ({ line, problem }))
  for (const { der, line } of certificates) {
    const certificate = parseCertificate(der)
    if (isMalformed(certificate)) wrong.push({ line, problem: unreadable(certificate) })
    else read.push(kept(certificate))
  }
  if (read.length === 0 && wrong.length === 0) {
    const [label = 'nothing'] = otherLabels
    return without('something-else', `holds ${pemKind(label)} and no certificate: ${GIVE}`)
  }
  const messages = wrong
    .sort((a, b) => a.line - b.line)
    .map(({ line, problem }) => `line ${line}: ${problem}`)
  return { ...divide(read), holds: 'certificates', problems: messages }
}

function readDer(bytes: Uint8Array): Bundle {
  const seen = parseCertificate(bytes)
  if (!isMalformed(seen)) {
    const copy = parseCertificate(Uint8Array.from(seen.der))
    const read = isMalformed(copy) ? [] : [kept(copy)]
    return { ...divide(read), holds: 'certificates', problems: [] }
  }
  const kind = derKind(bytes)
  if (kind !== undefined)
    return without('something-else', `holds ${kind} and no certificate: ${GIVE}`)
  return without('nothing-known', unreadable(seen))
}

/** Folders hold thousands of certificates by a few CAs. */
function kept(certificate: Certificate): Certificate {
  return certificate.extensions.isCa ? sharedIssuer(certificate) : new KeptCertificate(certificate)
}

function divide(all: readonly Certificate[]): Pick<Bundle, 'leaves' | 'issuers'> {
  const certificates = [...new Map(all.map((each) => [each.fingerprint, each])).values()]
  const parents = new Set(certificates.map((each) => findIssuer(each, certificates)))
  const isLeaf = (each: Certificate) => !each.extensions.isCa && !parents.has(each)
  return {
    leaves: exactly(certificates.filter(isLeaf)),
    issuers: exactly(certificates.filter((each) => !isLeaf(each))),
  }
}

/** Of its own length: one that was filtered has room for 17, of which thousands are kept. */
function exactly<T>(array: readonly T[]): readonly T[] {
  return array.slice()
}

function without(holds: Exclude<Bundle['holds'], 'certificates'>, problem: string): Bundle {
  return { leaves: [], issuers: [], holds, problems: [problem] }
}

function unreadable({ problem, field, offset }: Malformed): string {
  return `cannot be read as a certificate: ${problem} at byte ${offset}, in ${field}`
}

function pemKind(label: string): string {
  if (label.endsWith('PRIVATE KEY')) return 'a private key'
  if (label.endsWith('CERTIFICATE REQUEST')) return 'a certificate request'
  if (label === 'X509 CRL') return 'a CRL'
  return label
}

function unknownText(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 256)).toString('latin1')
  if (start.startsWith('\xff\xfe') || start.startsWith('\xfe\xff')) {
    return 'is text in UTF-16: save it as UTF-8 or ASCII'
  }
  if (/^\s*<(!doctype|html|\?xml)/i.test(start)) {
    return 'is a web page and no certificate: the download that made it went wrong'
  }
  return 'is neither PEM nor DER: no "-----BEGIN CERTIFICATE-----" in it'
}

function isMalformed(value: Certificate | Malformed): value is Malformed {
  return 'kind' in value
}

const SEQUENCE = 0x30
const GIVE = "give the certificate's file"
