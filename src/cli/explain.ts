import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { explain } from '../ocsp/explain.ts'
import type { Policy } from '../ocsp/policy.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import type { Clock } from '../time/clock.ts'
import { explanationText } from './explanation-text.ts'
import { givenIssuer, givenTime, readGiven, readGivenCertificate } from './given-files.ts'
import { type ExitStatus, printError, type Terminal, UsageError } from './terminal.ts'

/** What `everstaple explain` takes. */
export interface ExplainOptions {
  /** Files, folders, `-` for standard input. */
  readonly responses: readonly string[]
  readonly certificate?: string | undefined
  readonly issuer?: string | undefined
  readonly at?: string | undefined
  readonly json?: boolean | undefined
}

/** Judges responses that are already on disk: status 1 where one is not acceptable, 2 where one cannot be read, which does not stop the rest. */
export async function explainCommand(
  options: ExplainOptions,
  {
    terminal,
    clock,
    policy = defaultPolicy,
  }: { terminal: Terminal; clock: Clock; policy?: Policy },
): Promise<ExitStatus> {
  const now = givenTime(options.at, clock.now())
  const given =
    options.certificate === undefined
      ? undefined
      : await readGivenCertificate(options.certificate, options.issuer, now)
  const issuer =
    given === undefined && options.issuer !== undefined
      ? await givenIssuer(options.issuer)
      : given?.issuer
  let status: ExitStatus = 0
  for (const file of await filesIn(options.responses)) {
    const response = await readGiven(file).catch((error: unknown) => printError(terminal, error))
    if (response === undefined) {
      status = 2
      continue
    }
    const explanation = explain({
      response,
      certificate: given?.certificate,
      issuer,
      now,
      policy,
      servedChain: given !== undefined && given.chain.length > 1 ? given.chain : undefined,
    })
    if (!explanation.accepted && status === 0) status = 1
    if (options.json) terminal.out(JSON.stringify({ file, ...explanation }))
    else terminal.out(`${explanationText(terminal, file, explanation, now).join('\n')}\n`)
  }
  return status
}

/** The files given, and for each folder those in it that may be responses, in order of name. */
async function filesIn(paths: readonly string[]): Promise<string[]> {
  const files: string[] = []
  for (const path of paths) {
    if (path !== '-' && (await isFolder(path))) files.push(...(await responsesIn(path)))
    else files.push(path)
  }
  return files
}

async function responsesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  const files = entries
    .filter((entry) => entry.isFile() && !OTHER.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  if (files.length > 0) return files
  throw new UsageError(
    `folder '${folder}' holds no OCSP response`,
    'give files by name: in folders, what is called like a certificate, a key or a text is left alone',
  )
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** Hidden files, and what stands beside responses: certificates, keys, which are not to be opened, and texts. */
const OTHER =
  /^\.|\.(pem|crt|cer|cert|key|csr|crl|p12|pfx|issuer|txt|md|json|ya?ml|conf|cfg|log|sh|ts|js|py)$/i
