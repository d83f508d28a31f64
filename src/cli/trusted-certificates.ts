import { readBundle } from '../certificates/bundle.ts'
import { certificatePem } from '../x509/pem.ts'
import { readNamed } from './given-files.ts'
import { UsageError } from './terminal.ts'

/**
 * The certificates in the file of a key or flag, `agent.ca`, as PEM for a TLS client to trust. Throws a {@link UsageError} where there are
 * none: the TLS library would take such a file, and then trust nobody by it.
 */
export async function readTrustedCertificates(key: string, path: string): Promise<string> {
  const { leaves, issuers, problems } = readBundle(await readNamed(key, path))
  const certificates = [...issuers, ...leaves]
  if (certificates.length > 0) return certificates.map(({ der }) => certificatePem(der)).join('')
  const problem = problems[0] ?? 'it holds no certificate'
  throw new UsageError(
    `${key}: '${path}': ${problem}`,
    'name the PEM file with the certificate of the CA that the service’s own is from',
  )
}
