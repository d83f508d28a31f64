import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../time/clock.ts'
import { answerOcsp, type OcspAnswer, type StapleSource } from './ocsp-endpoint.ts'
import type { OcspRoute } from './ocsp-route.ts'

/** What requests tell the operator. */
export interface RequestEvents {
  /** A request was answered with 500 or 503, as what it needs failed. `url` is without its query. */
  requestFailed(event: { readonly url: string; readonly error: unknown }): void
}

/** What the OCSP endpoint needs. */
export interface OcspSource {
  readonly staples: StapleSource
  readonly clock: Pick<Clock, 'now'>
  readonly events: RequestEvents
}

/** A request and its answer, as `node:http` gives them. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Answers a request for the OCSP endpoint. Never rejects. */
export async function exchangeOcsp(
  route: OcspRoute,
  { request, response }: Exchange,
  { staples, clock, events }: OcspSource,
): Promise<void> {
  if (route.kind === 'method-not-allowed') {
    return writeText(response, 405, 'use GET or POST', { Allow: 'GET, HEAD, POST' })
  }
  try {
    const body = route.kind === 'get' ? route.request : await readBody(request)
    if (body === 'too-large') {
      return writeText(response, 413, 'an OCSP request is smaller', { Connection: 'close' })
    }
    const ifNoneMatch = request.headers['if-none-match']
    const answer = await answerOcsp({ request: body, ifNoneMatch, staples, now: clock.now() })
    write(response, answer, request.method === 'HEAD' ? 'head' : 'whole')
  } catch (error) {
    if (request.destroyed && !request.complete) return // the client hung up
    // Not an OCSP error, which Apache would staple.
    events.requestFailed({ url: withoutQuery(request.url ?? ''), error })
    writeText(response, 503, 'the staple could not be read; the log of everstaple has the reason')
  }
}

/** What may be logged of the URL of a request: some put secrets into the query. */
export function withoutQuery(url: string): string {
  return url.split('?', 1)[0] ?? ''
}

async function readBody(request: IncomingMessage): Promise<Uint8Array | 'too-large'> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  // The iterator must not destroy the connection when it is left early: the answer still goes over it.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk)
    sizeBytes += chunk.length
    if (sizeBytes > MAX_REQUEST_BYTES) return 'too-large'
  }
  return Buffer.concat(chunks)
}

function write(response: ServerResponse, answer: OcspAnswer, part: 'head' | 'whole'): void {
  response.writeHead(answer.statusCode, answer.headers)
  response.end(part === 'head' ? undefined : answer.body)
}

function writeText(
  response: ServerResponse,
  statusCode: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(statusCode, {
    'Content-Type': 'text/plain',
    'Cache-Control': 'no-store',
    ...headers,
  })
  response.end(`${text}\n`)
}

/** A request for one certificate has about 120 bytes; sixteen with a nonce and a client's signature and certificate stay below this. */
const MAX_REQUEST_BYTES = 4096
