import type { CertificateRecord } from '../../store/store.ts'

/** Where certificates are offered. */
export interface OfferTo {
  /** Has the centre keep a staple for a certificate; `chain` is PEM, the leaf first. */
  offer(chain: string, signal: AbortSignal): Promise<void>
}

/** Has the centre manage certificates of this edge: their public part, with their issuers. Rejects with the first that was not taken. */
export async function offerCertificates(
  certificates: readonly CertificateRecord[],
  centre: OfferTo,
  signal: AbortSignal,
): Promise<void> {
  for (const { der, issuer } of certificates) {
    if (signal.aborted) return
    await centre.offer([der, ...(issuer === undefined ? [] : [issuer])].map(pem).join(''), signal)
  }
}

/** RFC 7468 §5.1. */
function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
