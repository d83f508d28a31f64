import { readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { type Explanation, explain } from '../ocsp/explain.ts'
import type { Policy } from '../ocsp/policy.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import type { Clock } from '../time/clock.ts'
import { explanationText } from './explanation-text.ts'
import { givenTime, readGiven, whyUnreadable } from './given-files.ts'
import { isFolder, type ResponseSubject, subjectsFrom } from './subject-of.ts'
import { type ExitStatus, printError, type Terminal, UsageError } from './terminal.ts'

/** What `everstaple explain` takes. */
export interface ExplainOptions {
  /** Files, folders, `-` for standard input. */
  readonly responses: readonly string[]
  /** A file, or a folder that holds the certificate of each response. */
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
  const subjectOf = await subjectsFrom(options, now)
  let status: ExitStatus = 0
  const tell = (error: unknown) => {
    printError(terminal, error)
    status = 2
  }
  for await (const file of filesIn(options.responses, tell)) {
    const response = await readGiven(file).catch(tell)
    if (response === undefined) continue
    const { problem, ...subject } = subjectOf(response)
    const explanation = withProblem(explain({ response, ...subject, now, policy }), problem)
    if (!explanation.accepted && status === 0) status = 1
    if (options.json) terminal.out(JSON.stringify({ file, ...explanation }))
    else terminal.out(`${explanationText(terminal, file, explanation, now).join('\n')}\n`)
  }
  return status
}

/** In place of the advice to give a certificate. */
function withProblem(explanation: Explanation, problem: ResponseSubject['problem']): Explanation {
  if (problem === undefined || explanation.notJudged.length === 0) return explanation
  return { ...explanation, notJudged: [problem, ...explanation.notJudged.slice(1)] }
}

/** The files given, and for each folder those in it that may be responses, in order of name. */
async function* filesIn(
  paths: readonly string[],
  tell: (error: unknown) => void,
): AsyncGenerator<string> {
  for (const path of paths) {
    if (path === '-' || !(await isFolder(path))) yield path
    else yield* (await responsesIn(path).catch(tell)) ?? []
  }
}

/** Links to files are followed, as in volumes of Kubernetes; links to folders are not. */
async function responsesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(
    (error: unknown) => {
      throw new UsageError(`folder '${folder}' ${whyUnreadable(error)}`, 'give files by name')
    },
  )
  const files = entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && !OTHER.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !relative(folder, path).split(sep).some(isHidden))
    .sort()
  const found: string[] = []
  for (const file of files) if (!(await isFolder(file))) found.push(file)
  if (found.length > 0) return found
  throw new UsageError(
    `folder '${folder}' holds no OCSP response`,
    'give files by name: in folders, what is called like a certificate, a key or a text is left alone',
  )
}

function isHidden(name: string): boolean {
  return name.startsWith('.')
}

/** What stands beside responses: certificates, keys, which are not to be opened, and texts. */
const OTHER =
  /\.(pem|crt|cer|cert|key|csr|crl|p12|pfx|issuer|txt|md|json|ya?ml|conf|cfg|log|sh|ts|js|py)$/i
