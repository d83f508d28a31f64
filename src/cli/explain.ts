import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { explain } from '../ocsp/explain.ts'
import type { Policy } from '../ocsp/policy.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import type { Clock } from '../time/clock.ts'
import { explanationText } from './explanation-text.ts'
import { givenIssuer, givenTime, readGiven, readGivenCertificate } from './given-files.ts'
import type { ExitStatus, Terminal } from './terminal.ts'

/** What `everstaple explain` takes. */
export interface ExplainOptions {
  /** Files, folders, `-` for standard input. */
  readonly responses: readonly string[]
  readonly certificate?: string | undefined
  readonly issuer?: string | undefined
  readonly at?: string | undefined
  readonly json?: boolean | undefined
}

/** Judges responses that are already on disk: status 1 where one is not acceptable. */
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
    const explanation = explain({
      response: await readGiven(file),
      certificate: given?.certificate,
      issuer,
      now,
      policy,
      servedChain: given !== undefined && given.chain.length > 1 ? given.chain : undefined,
    })
    if (!explanation.accepted) status = 1
    if (options.json) terminal.out(JSON.stringify({ file, ...explanation }))
    else terminal.out(`${explanationText(terminal, file, explanation, now).join('\n')}\n`)
  }
  return status
}

/** The files given, and for each folder those in it, in order of name. */
async function filesIn(paths: readonly string[]): Promise<string[]> {
  const files = await Promise.all(
    paths.map(async (path) => {
      if (path === '-' || !(await isFolder(path))) return [path]
      const entries = await readdir(path, { withFileTypes: true, recursive: true })
      return entries
        .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
    }),
  )
  return files.flat()
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
