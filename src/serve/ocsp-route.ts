/** An HTTP request that is for the OCSP endpoint. */
export type OcspRoute =
  | { readonly kind: 'get'; readonly request: Uint8Array | undefined }
  | { readonly kind: 'post' }
  | { readonly kind: 'method-not-allowed' }

/**
 * Whether a request is for the OCSP endpoint, and the OCSP request inside a GET (RFC 6960 A.1); `undefined` where it is for somebody
 * else. The endpoint is `/ocsp/`, and also the root, as nginx (`ssl_stapling_responder`) and Apache (`SSLStaplingForceURL`) are often given
 * a URL without a path: there, a POST, and a GET whose path looks like an OCSP request.
 */
export function ocspRoute(method: string, url: string): OcspRoute | undefined {
  const query = url.indexOf('?')
  const path = query === -1 ? url : url.slice(0, query)
  const inside = OCSP_PATH.exec(path)
  const isOurs = inside !== null || (method === 'POST' ? path === '/' : ROOT_REQUEST.test(path))
  if (!isOurs) return undefined
  if (method === 'POST') return { kind: 'post' }
  if (method !== 'GET' && method !== 'HEAD') return { kind: 'method-not-allowed' }
  return { kind: 'get', request: decodeRequest(inside === null ? path : path.slice(OCSP_LENGTH)) }
}

/**
 * The bytes of an OCSP request as clients put them into a path: base64, percent-encoded or not. `undefined` where they cannot be
 * read. Tolerates what is seen in the wild: raw `/` and `+`, slashes in front, `+` that became a space, padding left away.
 */
export function decodeRequest(text: string): Uint8Array | undefined {
  if (text.length > MAX_PATH_LENGTH) return undefined
  const decoded = percentDecoded(text)
  if (decoded === undefined) return undefined
  // No request begins with a slash in base64: its first byte is 0x30, which is written `M`.
  const base64 = decoded.replace(/^\/+/, '').replaceAll(' ', '+')
  return BASE64.test(base64) ? Buffer.from(base64, 'base64') : undefined
}

/** Decoded once: a `%252B` is not a plus sign but a fault of the client, as responders of CAs see it too. */
function percentDecoded(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const OCSP_LENGTH = '/ocsp'.length
const OCSP_PATH = /^\/ocsp(?:\/|$)/
/** A SEQUENCE in base64, as long as the shortest request with SHA-1 hashes: no page or asset is named like that. */
const ROOT_REQUEST = /^\/+M[A-P][A-Za-z0-9+/%]{62}/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
/** Room for 4 KiB of request with every character percent-encoded would be 16 KiB, the most that Node.js reads of a header. */
const MAX_PATH_LENGTH = 16_384
