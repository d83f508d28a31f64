import { readFile } from 'node:fs/promises'
import { readBundle } from '../certificates/bundle.ts'
import { scanCertificates } from '../certificates/folder.ts'
import { type EpochMs, epochMs } from '../der/time.ts'
import type { Certificate } from '../x509/certificate.ts'
import { findIssuer, signatureByKeyOf } from '../x509/issuer.ts'
import { formatName } from '../x509/name.ts'
import { UsageError } from './terminal.ts'

/** A certificate given on the command line, with what was found beside it. */
export interface GivenCertificate {
  readonly certificate: Certificate
  readonly issuer: Certificate | undefined
  /** The certificates of its file, leaf first; what a server given that file sends. */
  readonly chain: readonly Certificate[]
}

/**
 * Reads the certificate in a file; its issuer from the file given for it, else from the chain or from beside it. Throws a
 * {@link UsageError}.
 */
export async function readGivenCertificate(
  path: string,
  issuerPath: string | undefined,
  now: EpochMs,
): Promise<GivenCertificate> {
  const { leaves, issuers, problems } = readBundle(await readGiven(path))
  const certificate = leaves[0] ?? issuers[0]
  if (certificate === undefined) {
    const problem = problems[0] ?? 'it holds no certificate'
    throw new UsageError(
      `'${path}': ${problem}`,
      'give the file of the server’s certificate, PEM or DER',
    )
  }
  const chain = [certificate, ...issuers.filter((other) => other !== certificate)]
  const issuer =
    issuerPath === undefined
      ? (findIssuer(certificate, issuers) ?? (await issuerBeside(path, certificate, now)))
      : await givenIssuerOf(certificate, issuerPath)
  return { certificate, issuer, chain }
}

async function givenIssuerOf(certificate: Certificate, path: string): Promise<Certificate> {
  const issuer = await givenIssuer(path)
  if (signatureByKeyOf(issuer, certificate) !== 'invalid') return issuer
  throw new UsageError(
    `'${path}' is of "${formatName(issuer.subject)}", which did not sign the certificate of "${formatName(certificate.subject)}"`,
    `give the certificate of its issuer, "${formatName(certificate.issuer)}"`,
  )
}

/** Reads a file given on the command line, `-` being standard input. Throws a {@link UsageError}. */
export async function readGiven(path: string): Promise<Uint8Array> {
  try {
    return path === '-' ? await readAll(process.stdin) : await readFile(path)
  } catch (error) {
    throw new UsageError(
      `'${path}' ${whyUnreadable(error)}`,
      'give the path of a file that you may read, or - for standard input',
    )
  }
}

/** Reads the file that a key or a flag names: `agent.ca`, `--token-file`. Throws a {@link UsageError}. */
export async function readNamed(key: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new UsageError(
      `${key}: '${path}' ${whyUnreadable(error)}`,
      `have ${key} name a file that this user may read`,
    )
  }
}

/** The certificate that is to be taken as issuer, whatever it says of itself. */
export async function givenIssuer(path: string): Promise<Certificate> {
  const { leaves, issuers, problems } = readBundle(await readGiven(path))
  const issuer = issuers[0] ?? leaves[0]
  if (issuer !== undefined) return issuer
  const problem = problems[0] ?? 'it holds no certificate'
  throw new UsageError(`'${path}': ${problem}`, 'give the file of the issuing CA’s certificate')
}

/** A time given on the command line, ISO 8601 with its zone, or a date, which begins in UTC; `undefined` gives `now`. Throws a {@link UsageError}. */
export function givenTime(text: string | undefined, now: EpochMs): EpochMs {
  if (text === undefined) return now
  const at = ISO_8601.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isFinite(at)) return epochMs(at)
  throw new UsageError(`--at '${text}' is not a time`, 'write it as 2026-11-25T04:10:00Z')
}

async function issuerBeside(
  path: string,
  certificate: Certificate,
  now: EpochMs,
): Promise<Certificate | undefined> {
  if (path === '-') return undefined
  const { certificates } = await scanCertificates([path], now)
  return certificates.find((found) => found.certificate.fingerprint === certificate.fingerprint)
    ?.issuer
}

/** What stands in the way of reading a file or folder, in words that follow its name. */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return reasons.get(code) ?? `cannot be read: ${message}`
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}

const ISO_8601 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

const reasons = new Map<string | undefined, string>([
  ['ENOENT', 'does not exist'],
  ['EISDIR', 'is a folder'],
  ['EACCES', 'may not be read by this user'],
])
