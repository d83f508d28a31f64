import { type Agent, get as httpGet, type IncomingMessage } from 'node:http'
import { get as httpsGet } from 'node:https'

/** How asking the service went. */
export type FetchResult =
  | { readonly kind: 'response'; readonly body: Uint8Array; readonly etag: string | undefined }
  | { readonly kind: 'not-modified' }
  /** `problem`: `connect ECONNREFUSED 127.0.0.1:8888`. */
  | { readonly kind: 'failed'; readonly problem: string }

/** What to ask for. */
export interface FetchOptions {
  readonly url: string
  /** Of the response that is held already. */
  readonly etag: string | undefined
  readonly agent: Agent
}

/** Asks an OCSP endpoint by GET. The URL is the operator's own, so no address is refused. Never rejects. */
export function fetchStaple({ url, etag, agent }: FetchOptions): Promise<FetchResult> {
  const { promise, resolve } = Promise.withResolvers<FetchResult>()
  const failed = (error: Error) => resolve({ kind: 'failed', problem: error.message })
  const get = url.startsWith('https:') ? httpsGet : httpGet
  const headers = {
    Accept: 'application/ocsp-response',
    ...(etag === undefined ? {} : { 'If-None-Match': etag }),
  }
  const request = get(
    url,
    { agent, headers, signal: AbortSignal.timeout(TIMEOUT_MS) },
    (response) => {
      readAnswer(response).then(resolve, failed)
    },
  )
  request.on('error', failed)
  return promise
}

async function readAnswer(response: IncomingMessage): Promise<FetchResult> {
  const { statusCode } = response
  if (statusCode !== 200) {
    response.resume()
    if (statusCode === 304) return { kind: 'not-modified' }
    return { kind: 'failed', problem: `HTTP status ${statusCode}` }
  }
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of response) {
    chunks.push(chunk)
    sizeBytes += chunk.length
    if (sizeBytes > MAX_RESPONSE_BYTES)
      return { kind: 'failed', problem: 'the answer is too large' }
  }
  return { kind: 'response', body: Buffer.concat(chunks), etag: response.headers.etag }
}

const TIMEOUT_MS = 5_000
/** As Firefox and Chromium read at most; `judge` refuses staples that are much smaller. */
const MAX_RESPONSE_BYTES = 65_535
