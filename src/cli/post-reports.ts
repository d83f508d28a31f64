import { request } from 'undici'
import { SECOND_MS } from '../der/time.ts'
import { connectionProblem } from '../responders/connection-problem.ts'
import { UsageError } from './terminal.ts'

/** Where reports go, as given on the command line. Throws a {@link UsageError}. */
export function givenReportUrl(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  throw new UsageError(
    `--report-to '${text}' is not a URL of http or https`,
    'write it as http://127.0.0.1:8888/v1/expect-staple',
  )
}

/** Posts Expect-Staple reports, one after the other; in words what kept one from being taken, else `undefined`. */
export async function postReports(
  url: URL,
  reports: Iterable<string>,
): Promise<string | undefined> {
  for (const body of reports) {
    const problem = await post(url, body)
    if (problem !== undefined) return problem
  }
  return undefined
}

async function post(url: URL, body: string): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await request(url, { method: 'POST', headers: TYPE, body, signal })
    const { statusCode } = response
    await response.body.dump()
    return statusCode >= 200 && statusCode < 300 ? undefined : `it answered ${statusCode}`
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError') return TOO_LATE
    return connectionProblem(error).problem
  }
}

const TYPE = { 'Content-Type': 'application/json' }
const TIMEOUT_MS = 10 * SECOND_MS
const TOO_LATE = `no answer within ${TIMEOUT_MS / SECOND_MS} s`
