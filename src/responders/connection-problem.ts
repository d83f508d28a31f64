import type { HttpResult } from './transport.ts'

/** Why there is no response, as `HttpResult` says it. */
export type ConnectionProblem = Pick<
  Extract<HttpResult, { kind: 'unreachable' }>,
  'cause' | 'problem'
>

/** The error of a connection or an exchange, in our words. */
export function connectionProblem(error: unknown): ConnectionProblem {
  const { code = '', syscall = '' } = error as { code?: string; syscall?: string }
  const problem = wordsOf(error)
  if (code === 'REFUSED_ADDRESS') return { cause: 'refused', problem }
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { cause: 'timeout', problem: 'connect timed out' }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return { cause: 'too-large', problem }
  if (CLOSED.has(code)) return { cause: 'aborted', problem: 'everstaple is closing' }
  if (syscall.startsWith('getaddrinfo') || syscall.startsWith('query')) {
    return { cause: 'dns', problem: `the host name could not be resolved: ${problem}` }
  }
  if (syscall === 'connect' || error instanceof AggregateError) return { cause: 'connect', problem }
  return { cause: 'protocol', problem: `the exchange broke off: ${problem}` }
}

function wordsOf(error: unknown): string {
  // net.connect gives one where it tried several addresses, with no message of its own.
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join(', ')
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: string }
  const message = error.message === '' ? error.name : error.message
  return code?.startsWith('HPE_') ? `${message} (${code})` : message
}

const CLOSED = new Set(['UND_ERR_DESTROYED', 'UND_ERR_CLOSED', 'UND_ERR_ABORTED'])
