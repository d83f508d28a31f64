import { stat } from 'node:fs/promises'
import { scanCertificates } from '../certificates/folder.ts'
import type { FoundCertificate } from '../certificates/source.ts'
import type { EpochMs } from '../der/time.ts'
import { isMatch, matchCertID } from '../ocsp/facts.ts'
import { parseResponse } from '../ocsp/response.ts'
import type { Certificate } from '../x509/certificate.ts'
import { givenIssuer, readGivenCertificate } from './given-files.ts'
import { UsageError } from './terminal.ts'

/** Whom a response is judged to be about. */
export interface ResponseSubject {
  readonly certificate: Certificate | undefined
  readonly issuer: Certificate | undefined
  readonly servedChain: readonly Certificate[] | undefined
  /** Why there is no certificate although some were given. */
  readonly problem?: string
}

/** What is given on the command line to judge responses by. */
export interface GivenSubject {
  /** A file, or a folder in which each response has its own. */
  readonly certificate?: string | undefined
  readonly issuer?: string | undefined
}

/** Reads what is given, and says of each response whom it is to be about. Throws a {@link UsageError}. */
export async function subjectsFrom(
  { certificate: path, issuer: issuerPath }: GivenSubject,
  now: EpochMs,
): Promise<(response: Uint8Array) => ResponseSubject> {
  if (path === undefined) {
    const issuer = issuerPath === undefined ? undefined : await givenIssuer(issuerPath)
    return () => ({ certificate: undefined, issuer, servedChain: undefined })
  }
  if (await isFolder(path)) return fromFolder(path, issuerPath, now)
  const { certificate, issuer, chain } = await readGivenCertificate(path, issuerPath, now)
  const servedChain = chain.length > 1 ? chain : undefined
  return () => ({ certificate, issuer, servedChain })
}

/** Whether there is a folder at `path`. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function fromFolder(
  path: string,
  issuerPath: string | undefined,
  now: EpochMs,
): Promise<(response: Uint8Array) => ResponseSubject> {
  const { certificates, problems } = await scanCertificates([path], now)
  const given = issuerPath === undefined ? undefined : await givenIssuer(issuerPath)
  if (certificates.length === 0) {
    const [first] = problems
    throw new UsageError(
      `folder '${path}' holds no certificate${first === undefined ? '' : `: '${first.path}' ${first.problem}`}`,
      'give a folder of certificates, or the file of one',
    )
  }
  return (response) => {
    const found = certificates.find((one) => isAbout(response, one))
    if (found === undefined) {
      const problem = `whether it is about a certificate of yours: it is about none of the ${certificates.length} in '${path}'`
      return { certificate: undefined, issuer: given, servedChain: undefined, problem }
    }
    const { certificate, issuer } = found
    return { certificate, issuer: given ?? issuer, servedChain: undefined }
  }
}

function isAbout(response: Uint8Array, { certificate, issuer }: FoundCertificate): boolean {
  const parsed = parseResponse(response)
  if ('kind' in parsed || parsed.basic === undefined) return false
  return parsed.basic.responses.some((single) =>
    isMatch(matchCertID(parsed, single, certificate, issuer)),
  )
}
