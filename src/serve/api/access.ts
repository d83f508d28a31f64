import { isLoopback } from '../remote-address.ts'
import { allows, type Scope, type TokenFile } from '../tokens.ts'

/** Why a request is refused. */
export interface Refusal {
  readonly statusCode: 401 | 403
  readonly problem: string
}

/** What is asked for. */
export interface Asked {
  readonly caller: Caller
  /** `Authorization` as received. */
  readonly authorization: string | undefined
  readonly method: string
  /** Without the query. */
  readonly path: string
}

/** What decides beside the request itself. */
export interface AccessRules {
  readonly tokens: Pick<TokenFile, 'find'>
  /** Where the service listens. */
  readonly listenHost: string
}

/**
 * Whether a request may be answered: with a token, as its scope allows, from anywhere; without one, only from this machine. Rejects
 * with what the tokens' file does.
 */
export async function access(
  { caller, authorization, method, path }: Asked,
  { tokens, listenHost }: AccessRules,
): Promise<Refusal | undefined> {
  if (authorization === undefined) {
    const problem = refusal(caller, listenHost)
    return problem === undefined ? undefined : { statusCode: 403, problem }
  }
  const [, token] = BEARER.exec(authorization) ?? []
  const record = token === undefined ? undefined : await tokens.find(token)
  if (record === undefined) {
    const problem =
      'the token is none of this service, or was revoked; create one with `everstaple token create`'
    return { statusCode: 401, problem }
  }
  const needed = scopeFor(method, path)
  if (allows(record.scope, needed)) return undefined
  const problem = `the token '${record.name}' has the scope ${record.scope}, and this needs ${needed}; create one with \`everstaple token create NAME --scope ${needed}\``
  return { statusCode: 403, problem }
}

/** Reports and the feed are read; agents offer certificates and report; all else is for admins. */
function scopeFor(method: string, path: string): Scope {
  if (method === 'GET' || method === 'HEAD' || path === '/v1/changes') return 'read'
  const isAgents = method === 'PUT' ? path === '/v1/certificates' : path.startsWith('/v1/edges/')
  return isAgents && method !== 'DELETE' ? 'edge' : 'admin'
}

/** Who asks, as the connection and the header fields say. */
export interface Caller {
  readonly remoteAddress: string | undefined
  /** `Host` as received. */
  readonly host: string | undefined
  /** `Origin` as received. */
  readonly origin: string | undefined
}

/**
 * Why somebody without a token may not use the API; `undefined` where they may. Programs of this machine need none: neither for others on
 * the network, nor for a web page that a browser on this machine shows, be it by a name of its own that leads here (DNS rebinding).
 */
export function refusal(
  { remoteAddress, host, origin }: Caller,
  listenHost: string,
): string | undefined {
  if (!isLoopback(remoteAddress ?? '')) {
    return `without a token the API is for this machine only, and the request comes from ${remoteAddress}; send a bearer token, which \`everstaple token create\` makes`
  }
  if (origin !== undefined) {
    return `the API is not for web pages, and the request has the Origin ${JSON.stringify(origin)}; send none`
  }
  const name = hostName(host ?? '')
  if (name === listenHost.toLowerCase() || name === 'localhost' || isLoopback(name))
    return undefined
  return `the API is asked for by the address of this machine, and the request has the Host ${JSON.stringify(host ?? '')}; use 127.0.0.1`
}

/** Without the port, and an IPv6 address without its brackets. */
function hostName(host: string): string {
  const [, address, name] = HOST.exec(host) ?? []
  return (address ?? name ?? '').toLowerCase()
}

const BEARER = /^Bearer ([\w-]{1,200})$/i
const HOST = /^(?:\[([\da-fA-F:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/
