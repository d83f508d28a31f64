import { LRUCache } from 'lru-cache'
import type { Malformed } from '../der/reader.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'

/** Issuers' certificates, parsed once: many certificates have the same, and to load its key takes as long as to verify a signature. */
export class KnownIssuers {
  readonly #byBytes = new LRUCache<string, Certificate | Malformed>({ max: MOST })

  parse(der: Uint8Array): Certificate | Malformed {
    const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('latin1')
    const known = this.#byBytes.get(bytes)
    if (known !== undefined) return known
    const parsed = parseCertificate(der)
    this.#byBytes.set(bytes, parsed)
    return parsed
  }
}

/** Some 4 MB. A public fleet has a few dozen issuers. */
const MOST = 1_000
