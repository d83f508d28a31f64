import type { EpochMs } from '../der/time.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'

/**
 * A certificate that takes little more memory than its bytes: a parsed one has some forty objects. What it says is read from them when it is asked for, and forgotten again when
 * memory is needed.
 */
export class KeptCertificate implements Certificate {
  readonly fingerprint: string
  readonly notBefore: EpochMs
  readonly notAfter: EpochMs
  /** An octet is a character: a string is one object, of its own length; buffers are three, in pages that they share with what is long gone. */
  readonly #der: string
  #parsed: WeakRef<Certificate>

  constructor(certificate: Certificate) {
    this.fingerprint = certificate.fingerprint
    this.notBefore = certificate.notBefore
    this.notAfter = certificate.notAfter
    this.#der = Buffer.from(certificate.der).toString('latin1')
    this.#parsed = new WeakRef(certificate)
  }

  get der(): Certificate['der'] {
    return this.#read().der
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
    const parsed = parseCertificate(Buffer.from(this.#der, 'latin1'))
    if ('kind' in parsed) throw new Error('the bytes of a certificate have changed in memory')
    this.#parsed = new WeakRef(parsed)
    return parsed
  }
}
