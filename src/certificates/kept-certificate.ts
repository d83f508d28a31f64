import { type Certificate, parseCertificate } from '../x509/certificate.ts'

/**
 * A certificate that takes little more memory than its bytes: a parsed one has some forty objects. What it says is read from them when it is asked for, and forgotten again when
 * memory is needed.
 */
export class KeptCertificate implements Certificate {
  readonly der: Uint8Array
  readonly fingerprint: string
  #parsed: WeakRef<Certificate>

  constructor(certificate: Certificate) {
    this.der = certificate.der
    this.fingerprint = certificate.fingerprint
    this.#parsed = new WeakRef(certificate)
  }

  get tbsCertificate(): Certificate['tbsCertificate'] {
    return this.#read().tbsCertificate
  }

  get serialNumber(): Certificate['serialNumber'] {
    return this.#read().serialNumber
  }

  get issuer(): Certificate['issuer'] {
    return this.#read().issuer
  }

  get subject(): Certificate['subject'] {
    return this.#read().subject
  }

  get notBefore(): Certificate['notBefore'] {
    return this.#read().notBefore
  }

  get notAfter(): Certificate['notAfter'] {
    return this.#read().notAfter
  }

  get subjectPublicKeyInfo(): Certificate['subjectPublicKeyInfo'] {
    return this.#read().subjectPublicKeyInfo
  }

  get publicKeyAlgorithm(): Certificate['publicKeyAlgorithm'] {
    return this.#read().publicKeyAlgorithm
  }

  get subjectPublicKey(): Certificate['subjectPublicKey'] {
    return this.#read().subjectPublicKey
  }

  get innerSignatureAlgorithm(): Certificate['innerSignatureAlgorithm'] {
    return this.#read().innerSignatureAlgorithm
  }

  get signatureAlgorithm(): Certificate['signatureAlgorithm'] {
    return this.#read().signatureAlgorithm
  }

  get signature(): Certificate['signature'] {
    return this.#read().signature
  }

  get extensions(): Certificate['extensions'] {
    return this.#read().extensions
  }

  get sloppiness(): Certificate['sloppiness'] {
    return this.#read().sloppiness
  }

  #read(): Certificate {
    const known = this.#parsed.deref()
    if (known !== undefined) return known
    const parsed = parseCertificate(this.der)
    if ('kind' in parsed) throw new Error('the bytes of a certificate have changed in memory')
    this.#parsed = new WeakRef(parsed)
    return parsed
  }
}
