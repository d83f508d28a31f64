import { readFile, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { displayName } from '../certificates/classify.ts'
import { type EpochMs, iso } from '../der/time.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { certificatesInPem } from '../x509/pem.ts'

/** Where the certificate of a listener and its key stand, PEM. */
export interface TlsFiles {
  /** The certificate first, then its chain. */
  readonly certificate: string
  readonly key: string
}

/** What was in the files: whole, for `node:tls`, and what is to be known of the certificate. */
export interface TlsCredentials {
  readonly cert: Buffer
  /** For `node:tls` alone. */
  readonly key: Buffer
  readonly fingerprint: string
  readonly name: string
  readonly notAfter: EpochMs
}

/** The files cannot be used; the message says why and what to do. */
export class TlsFilesError extends Error {
  override readonly name = 'TlsFilesError'
  readonly code = 'TLS_FILES'
}

/** Reads and checks both files. Rejects with a {@link TlsFilesError}. */
export async function readTlsFiles(files: TlsFiles, now: EpochMs): Promise<TlsCredentials> {
  const cert = await read(files.certificate, 'tls.certificate')
  const key = await read(files.key, 'tls.key')
  const certificate = firstIn(cert, files.certificate)
  const { notBefore, notAfter, fingerprint } = certificate
  if (now > notAfter) {
    throw new TlsFilesError(`${files.certificate} expired at ${iso(notAfter)}; renew it`)
  }
  if (now < notBefore) {
    const problem = `${files.certificate} is not valid before ${iso(notBefore)}`
    throw new TlsFilesError(`${problem}; wait, or set the clock right`)
  }
  checkPair({ cert, key }, files)
  return { cert, key, fingerprint, name: displayName(certificate), notAfter }
}

/** Changes whenever one of the files does. Never rejects. */
export async function tlsFilesVersion({ certificate, key }: TlsFiles): Promise<string> {
  const versions = await Promise.all([certificate, key].map(versionOf))
  return versions.join(', ')
}

async function versionOf(path: string): Promise<string> {
  try {
    const { dev, ino, mtimeNs, size } = await stat(path, { bigint: true })
    return `${dev} ${ino} ${mtimeNs} ${size}`
  } catch {
    return 'none'
  }
}

async function read(path: string, setting: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    const why = whyUnreadable.get(code) ?? `cannot be read (${String(code)})`
    throw new TlsFilesError(`${path} ${why}; it is named by ${setting}`, { cause })
  }
}

function firstIn(pem: Buffer, path: string): Certificate {
  const { certificates, problems } = certificatesInPem(pem)
  const [problem] = problems
  if (problem !== undefined) {
    throw new TlsFilesError(`${path}: line ${problem.line}: ${problem.problem}`)
  }
  const [first] = certificates
  if (first === undefined) throw new TlsFilesError(`${path} holds no certificate; ${GIVE_CHAIN}`)
  const certificate = parseCertificate(first.der)
  if (!('kind' in certificate)) return certificate
  throw new TlsFilesError(`${path}: its first certificate cannot be read; ${GIVE_CHAIN}`)
}

function checkPair(pair: Pick<TlsCredentials, 'cert' | 'key'>, files: TlsFiles): void {
  try {
    createSecureContext(pair)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') {
      const problem = `${files.key} is not the key of the first certificate of ${files.certificate}`
      throw new TlsFilesError(`${problem}; give its own, and the server’s certificate first`)
    }
    // What OpenSSL says of a key may be said: it has nothing of the key in it, but does not help.
    const problem = `${files.certificate} and ${files.key} cannot be used (${String(code)})`
    throw new TlsFilesError(`${problem}; give PEM files, the key without a passphrase`)
  }
}

const whyUnreadable = new Map<unknown, string>([
  ['ENOENT', 'does not exist'],
  ['EISDIR', 'is a folder'],
  ['EACCES', 'may not be read by this user'],
])
const GIVE_CHAIN = 'give the server’s certificate, then its chain, as fullchain.pem has them'
