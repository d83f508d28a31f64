import { createHash, randomInt } from 'node:crypto'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { LRUCache } from 'lru-cache'
import { defaultPolicy, type Policy } from '../ocsp/policy.ts'
import { certID, encodeRequest } from '../ocsp/request.ts'
import { systemClock } from '../time/clock.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { certificatesInPem } from '../x509/pem.ts'
import { fetchStaple } from './fetch-staple.ts'
import { KeptStaple } from './kept-staple.ts'
import type { HandshakeStaples } from './staple-from.ts'
import { warn } from './warning.ts'

/** Where the service is. */
export interface EverstapleOptions {
  /** As the service was told with `--listen`: `http://127.0.0.1:8888`. With a path, any other OCSP endpoint. */
  readonly url: string
  /** As `policy` in the service's configuration, where that is not the default: a staple is judged by it here, too. */
  readonly policy?: Partial<Policy>
}

/** Staples from a service, each judged here again, held in memory and kept fresh. Dispose of it when the server closes. */
export interface EverstapleClient extends HandshakeStaples, Disposable {
  /**
   * Resolves once there is a staple for the first certificate of a PEM chain, so that a server with a must-staple
   * certificate can wait for it before it listens. Rejects with a {@link NotStapledError} after `timeoutMs` (default:
   * 10 seconds).
   */
  ready(chainPem: string | Uint8Array, options?: { readonly timeoutMs?: number }): Promise<void>
}

/** There is no staple for a certificate; the message says what to do. */
export class NotStapledError extends Error {
  override readonly name = 'NotStapledError'
  readonly code = 'NOT_STAPLED'
}

/**
 * Staples from an everstaple service. The first handshake of a certificate waits up to a second for the first staple, rather than going
 * without; from then on staples come from memory, while newer ones are fetched in the background. While the service is
 * away the last staple is given out for as long as it is usable.
 *
 * ```ts
 * const staples = everstaple({ url: 'http://127.0.0.1:8888' })
 * stapleFrom(server, staples)
 * await staples.ready(chainPem)
 * server.listen(443)
 * ```
 */
export function everstaple({ url, policy }: EverstapleOptions): EverstapleClient {
  const endpoint = endpointOf(url)
  const judgedBy = { ...defaultPolicy, ...policy }
  const agent = new (endpoint.startsWith('https:') ? HttpsAgent : HttpAgent)(POOL)
  const kept = new LRUCache<string, KeptStaple | 'unreadable'>({
    max: MAX_CERTIFICATES,
    dispose: (staple) => staple !== 'unreadable' && staple.stop(),
  })
  const keptFor = (leaf: Uint8Array, issuer: Uint8Array) => {
    const fingerprint = createHash('sha256').update(leaf).digest('base64')
    const known = kept.get(fingerprint)
    if (known !== undefined) return known
    const made = keep(leaf, issuer, { endpoint, agent, policy: judgedBy })
    kept.set(fingerprint, made)
    return made
  }
  return {
    staple(certificate, issuer) {
      const staple = keptFor(certificate, issuer)
      if (staple === 'unreadable') return undefined
      const now = staple.use()
      if (now !== undefined || staple.fetching === undefined) return now
      return within(staple.fetching, HANDSHAKE_WAIT_MS).then(() => staple.use())
    },
    async ready(chainPem, { timeoutMs = 10_000 } = {}) {
      const [leaf, issuer] = certificatesInPem(chainPem).certificates
      if (leaf === undefined || issuer === undefined) {
        throw new NotStapledError(
          'the PEM must hold the certificate and then its issuer, as fullchain.pem does',
        )
      }
      const staple = keptFor(leaf.der, issuer.der)
      if (staple !== 'unreadable' && staple.use() === undefined) {
        await within(staple.firstStaple, timeoutMs)
      }
      if (staple === 'unreadable' || staple.use() === undefined) {
        throw new NotStapledError(
          `no staple from ${url} within ${timeoutMs} ms; see whether everstaple runs there and what \`everstaple status\` says of the certificate`,
        )
      }
    },
    [Symbol.dispose]() {
      kept.clear()
      agent.destroy()
    },
  }
}

function keep(
  leaf: Uint8Array,
  issuerDer: Uint8Array,
  { endpoint, agent, policy }: { endpoint: string; agent: HttpAgent; policy: Policy },
): KeptStaple | 'unreadable' {
  const certificate = parseCertificate(Uint8Array.from(leaf))
  const issuer = parseCertificate(Uint8Array.from(issuerDer))
  if ('kind' in certificate || 'kind' in issuer) {
    warn(
      'UNREADABLE',
      'a certificate of the TLS server cannot be read; it goes without OCSP staple',
    )
    return 'unreadable'
  }
  const request = Buffer.from(encodeRequest(certID(certificate, issuer))).toString('base64')
  const url = endpoint + encodeURIComponent(request)
  const serial = Buffer.from(certificate.serialNumber).toString('hex')
  return new KeptStaple(certificate, issuer, {
    policy,
    now: () => systemClock.now(),
    random: () => randomInt(RANDOM_RANGE) / RANDOM_RANGE,
    later: unrefTimer,
    fetch: (etag) => fetchStaple({ url, etag, agent }),
    unstapled: (problem) =>
      warn(
        'UNSTAPLED',
        `no OCSP staple for the certificate with serial ${serial} from ${endpoint}: ${problem}`,
      ),
  })
}

/** Requests are appended to it. A URL without a path means the path of our own service. */
function endpointOf(url: string): string {
  const { origin, pathname } = new URL(url)
  if (pathname === '/') return `${origin}/ocsp/`
  return `${origin}${pathname.replace(/\/$/, '')}/`
}

/** Resolves when `promise` does, or when the time is over. */
async function within(promise: Promise<void>, timeoutMs: number): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, timeoutMs)
  await Promise.race([promise, over])
  clearTimeout(timer)
}

function unrefTimer(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs).unref()
  return () => clearTimeout(timer)
}

/** One certificate costs some kilobytes. A server with more of them staples for those in use. */
const MAX_CERTIFICATES = 10_000
/** Longer, and clients would rather have the handshake without. */
const HANDSHAKE_WAIT_MS = 1_000
/** At most this many requests at once, so that a start with many certificates is no burst. */
const POOL = { keepAlive: true, maxSockets: 8 } as const
/** Fine enough to spread requests over time. */
const RANDOM_RANGE = 2 ** 32
