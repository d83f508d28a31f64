import type { HttpRequest, HttpResult } from './transport.ts'

/** A request of a test. */
export function get(url: string, options: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'GET',
    url,
    connection: 'kept',
    signal: new AbortController().signal,
    ...options,
  }
}

/** Cause and words of a failure. */
export function failure(result: HttpResult): [string, string] {
  if (result.kind === 'response') throw new Error(`unexpected response ${result.statusCode}`)
  return [result.cause, result.problem]
}

/** The body of a response. */
export function text(result: HttpResult): string {
  if (result.kind !== 'response') throw new Error(result.problem)
  return Buffer.from(result.body).toString()
}
