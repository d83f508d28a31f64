import { DAY_MS, type EpochMs, plus } from '../der/time.ts'
import { OCSP_SIGNING } from '../x509/extensions.ts'
import { type CertificateKnobs, type LabCertificate, makeCertificate } from './ca.ts'
import { type KeyKind, type KeyRing, makeKeyRing } from './keys.ts'

/** A small PKI: root, intermediate that issues, a leaf, and a delegated OCSP signer. */
export interface Hierarchy {
  readonly root: LabCertificate
  readonly issuer: LabCertificate
  readonly leaf: LabCertificate
  /** Issued by `issuer`, with id-kp-OCSPSigning and ocsp-nocheck. */
  readonly signer: LabCertificate
  readonly keys: KeyRing
  /** A further certificate of the issuer for TLS servers: valid from 30 days ago for 90 days, SAN `localhost`, unless `knobs` say otherwise. */
  readonly issueLeaf: (knobs?: Partial<CertificateKnobs>) => LabCertificate
  /** A further delegated signer, as `signer` is unless `knobs` say otherwise. A knob that is `undefined` leaves the extension out. */
  readonly issueSigner: (knobs?: Partial<CertificateKnobs>) => LabCertificate
}

export interface HierarchyOptions {
  readonly now: EpochMs
  /** Default: `rsa-2048` for the CAs, as most public ones have. */
  readonly caKey?: KeyKind
  /** Default: `prime256v1`, which is fast to make. */
  readonly leafKey?: KeyKind
  /** OCSP URLs of the leaves. Default: `http://ocsp.lab.test/`. */
  readonly ocspUrls?: readonly string[]
  /** Default: a fresh one. Sharing one between hierarchies saves time. */
  readonly keys?: KeyRing
  /** Goes into the names of the CAs, so that several can stand side by side. Default: `everstaple lab`. */
  readonly name?: string
}

/** Makes a hierarchy with keys of its own. */
export function makeHierarchy(options: HierarchyOptions): Hierarchy {
  const { now, caKey = 'rsa-2048', leafKey = 'prime256v1', name = 'everstaple lab' } = options
  const { ocspUrls = ['http://ocsp.lab.test/'], keys = makeKeyRing() } = options
  const days = (before: number, after: number) => ({
    notBefore: plus(now, -before * DAY_MS),
    notAfter: plus(now, after * DAY_MS),
  })
  const ca = { isCa: true, keyUsage: ['keyCertSign', 'cRLSign', 'digitalSignature'] } as const
  const root = makeCertificate({
    ...ca,
    ...days(3650, 3650),
    subject: `${name} root`,
    key: keys(`${name} root`, caKey),
  })
  const issuer = makeCertificate({
    ...ca,
    ...days(1000, 1000),
    subject: `${name} issuing CA`,
    key: keys(`${name} issuer`, caKey),
    issuer: root,
  })
  const issueLeaf = (knobs: Partial<CertificateKnobs> = {}): LabCertificate =>
    makeCertificate({
      ...days(30, 60),
      subject: knobs.dnsNames?.[0] ?? 'localhost',
      key: keys(`${name} leaf`, leafKey),
      issuer,
      isCa: false,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [SERVER_AUTH],
      dnsNames: ['localhost'],
      ocspUrls,
      ...knobs,
    })
  const issueSigner = (knobs: Partial<CertificateKnobs> = {}): LabCertificate =>
    makeCertificate({
      ...days(10, 30),
      subject: `${name} OCSP signer`,
      key: keys(`${name} signer`, caKey),
      issuer,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [OCSP_SIGNING],
      ocspNoCheck: 'non-critical',
      ...knobs,
    })
  return { root, issuer, leaf: issueLeaf(), signer: issueSigner(), keys, issueLeaf, issueSigner }
}

/** id-kp-serverAuth (RFC 5280 §4.2.1.12). */
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
