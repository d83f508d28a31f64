import { BasicOCSPResponse, Certificate, OCSPResponse } from 'pkijs'
import { opensslBench } from '../src/lab/_openssl.ts'
import type { Hierarchy } from '../src/lab/hierarchy.ts'

/** An implementation that nobody here wrote, asked whether a response says good about the leaf. */
export interface Oracle extends Disposable {
  readonly name: string
  /** `undefined` where it does, else what it says instead. */
  readonly objection: (response: Uint8Array) => Promise<string | undefined>
}

/** The openssl command, one process for each response. */
export function opensslOracle(hierarchy: Hierarchy): Oracle {
  const bench = opensslBench(hierarchy)
  return {
    name: 'openssl',
    objection: async (response) =>
      (await bench.accepts(response)) ? undefined : 'refused by openssl ocsp -respin',
    [Symbol.dispose]: () => bench[Symbol.dispose](),
  }
}

/** PKI.js, which judges signature, signer and status; it looks at no time of the response. */
export function pkijsOracle(hierarchy: Hierarchy): Oracle {
  const read = ({ der }: { der: Uint8Array }) => Certificate.fromBER(Buffer.from(der))
  const [leaf, issuer, root] = [hierarchy.leaf, hierarchy.issuer, hierarchy.root].map(read)
  if (leaf === undefined || issuer === undefined || root === undefined) throw new Error('no CA')
  const objection = async (response: Uint8Array) => {
    const { responseBytes } = OCSPResponse.fromBER(Buffer.from(response))
    if (responseBytes === undefined) return 'no responseBytes'
    const basic = BasicOCSPResponse.fromBER(responseBytes.response.valueBlock.valueHexView)
    // It looks for the signer among the embedded certificates alone.
    basic.certs = [...(basic.certs ?? []).map(withoutKeyUsage), issuer]
    const { isForCertificate, status } = await basic.getCertificateStatus(leaf, issuer)
    if (!isForCertificate) return 'not about the certificate'
    if (status !== 0) return `status ${status}`
    const trusted = { trustedCerts: [root], issuerCerts: [issuer], trustedResponders: [issuer] }
    const verified = await basic.verify(trusted)
    return verified ? undefined : 'signature not verified'
  }
  return {
    name: 'pkijs',
    objection: (response) =>
      objection(response).catch((error: unknown) =>
        error instanceof Error ? error.message : String(error),
      ),
    [Symbol.dispose]: () => {},
  }
}

/** PKI.js wants digitalSignature of a delegated signer, as no client that was tried does. */
function withoutKeyUsage(certificate: Certificate): Certificate {
  const { extensions } = certificate
  if (extensions === undefined) return certificate
  certificate.extensions = extensions.filter(({ extnID }) => extnID !== KEY_USAGE)
  return certificate
}

const KEY_USAGE = '2.5.29.15'
